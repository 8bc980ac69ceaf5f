"""Compares methods against forgetting with replay, at equal tokens."""
