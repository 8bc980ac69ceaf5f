"""The error type of tokenize_tools."""

from shards.errors import CptkitError


class TokenizeError(CptkitError):
    """A tokenizer, option or documents set that cannot be used as requested."""
