"""Input files to batches of documents."""
