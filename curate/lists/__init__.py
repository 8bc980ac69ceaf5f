"""External lists: addresses to leave out, words to search for, public suffixes."""
