"""What a model measures: language."""
