"""Errors meant for the person at the terminal.

    CptkitError            what went wrong, where (file, row, key), what to do
    ├── RecipeError        a recipe that cannot be used: unknown key, bad value, missing file
    └── ShardError         a shard set that cannot be read or written

Each room derives its own: CurateError, TokenizeError, MixError, TrainError, EvalError.
"""


class CptkitError(Exception):
    """Base of all errors that are shown as one line, without a traceback."""


class RecipeError(CptkitError):
    """A recipe that cannot be used; the message lists every fault at once."""


class ShardError(CptkitError):
    """A shard set that is missing, half-written, damaged, or of another kind than requested."""
