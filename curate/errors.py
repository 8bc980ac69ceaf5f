"""The error of this room."""

from shards.errors import CptkitError


class CurateError(CptkitError):
    """An input, recipe or rule set that curation cannot use. The message says what, where (file, row, rule) and what to do."""
