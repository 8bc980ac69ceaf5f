"""Keeps what the base model knows: pulls weights back to the base model's, and protects the weights that old text needs."""
