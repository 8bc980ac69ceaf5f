"""Scores models on benchmark tasks, with lm-evaluation-harness as the engine."""
