"""The error type of the mix room."""

from shards.errors import CptkitError


class MixError(CptkitError):
    """A mix that cannot be planned, built or read; the message says what, where and what to do."""
