"""Contamination beside every score: which held-out documents and task items stand in training sets, and scores without them."""
