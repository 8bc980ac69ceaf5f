"""The replay sweep."""
