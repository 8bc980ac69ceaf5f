"""Scores any number of models with confidence intervals, and reports in one HTML page what was gained and forgotten."""
