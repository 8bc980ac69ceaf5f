"""Signals: measurements of texts, as arrays. No thresholds and no decisions."""
