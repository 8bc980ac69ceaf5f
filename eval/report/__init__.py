"""One HTML page from the folders that the other commands wrote."""
