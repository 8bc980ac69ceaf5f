"""Scores with confidence intervals for any number of models, and one HTML report of what was gained and forgotten."""
