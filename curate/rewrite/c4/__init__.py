"""C4's line rules."""
