"""Writes models, checkpoints and adapters to disk, whole or not at all."""
