"""Reads input files into batches of documents."""
