"""Errors of the evaluation room."""

from shards.errors import CptkitError


class EvalError(CptkitError):
    """A model, documents set or run folder that cannot be evaluated or reported. The message says which one, why, and what to do."""
