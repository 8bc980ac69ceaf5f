"""Extracts the text of HTML pages."""
