"""Evaluation items found in training text by their n-grams."""
