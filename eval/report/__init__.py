"""Builds one HTML page from the output folders of the other commands."""
