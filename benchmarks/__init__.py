"""Ours against the peers, on the same input, with the results compared."""
