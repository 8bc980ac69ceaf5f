"""The error of this room."""

from shards.errors import CptkitError


class CurateError(CptkitError):
    """Input, recipe or rule set that curation cannot use: says what, where (file, row, rule) and what to do."""
