"""Chooses shares under a budget of forgetting, with the error of its own prediction."""
