"""Lists that others keep: addresses to leave out, words to look for, public suffixes."""
