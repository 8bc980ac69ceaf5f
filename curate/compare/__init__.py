"""Decisions that need all documents at once: one decider per file, listed in `deciders.py`."""
