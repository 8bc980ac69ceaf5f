"""`~/` at the beginning of a path stands for the home folder, in recipes and on command lines."""

import os
import re
from typing import Any

_HOME = re.compile(r"~[\w.-]*/")
_ARGUMENT = re.compile(r"((?:--[\w-]+|[\w.-]+)=)?(~(?:[\w.-]*/.*)?)", re.S)


def with_home(value: Any) -> Any:
    """A recipe's raw values with `~/` and `~user/` at the beginning of any text expanded."""
    if isinstance(value, str):
        return os.path.expanduser(value) if _HOME.match(value) else value
    if isinstance(value, dict):
        return {key: with_home(inner) for key, inner in value.items()}
    return [with_home(inner) for inner in value] if isinstance(value, list) else value


def argument_with_home(argument: str) -> str:
    """A command-line argument with `~` expanded, also after the `=` of `--out=~/x` and `NAME=~/x`, where shells leave it."""
    match = _ARGUMENT.fullmatch(argument)
    return (match[1] or "") + os.path.expanduser(match[2]) if match else argument
