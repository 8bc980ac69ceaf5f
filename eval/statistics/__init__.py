"""Intervals, tests and verdicts over documents, clusters of documents, and seeds."""
