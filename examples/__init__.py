"""Recipes and runs that come with the project."""
