"""What is done to a batch of documents while it is in memory: repaired, rewritten, identified, measured. `order.py` says in which order."""
