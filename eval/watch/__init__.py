"""Scores of a run's checkpoints as they appear: curves over steps, paired with the base model."""
