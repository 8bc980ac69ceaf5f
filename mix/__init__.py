"""Packed rows, a plan in exact token ratios, and a stream of rows that resumes from one integer."""
