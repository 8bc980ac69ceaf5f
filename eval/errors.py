"""The error of this room."""

from shards.errors import CptkitError


class EvalError(CptkitError):
    """A model, documents set or run folder that cannot be evaluated or reported: says which, why and what to do."""
