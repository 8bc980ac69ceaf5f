"""Pages to their text."""
