"""What happens to each document, and why: from what was measured, never from text. `order.py` says in which order."""
