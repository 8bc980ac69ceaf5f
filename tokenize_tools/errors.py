"""The error type of this room."""

from shards.errors import CptkitError


class TokenizeError(CptkitError):
    """A tokenizer, option or documents set that cannot be used as asked."""
