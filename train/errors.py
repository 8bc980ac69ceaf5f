"""Errors of the training room."""

from shards.errors import CptkitError


class TrainError(CptkitError):
    """A model, mix or recipe that cannot be trained, or a run that had to stop."""
