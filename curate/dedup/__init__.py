"""Duplicates: exact copies, near-duplicates by MinHash, clusters of them, and which copy to keep."""
