"""Amounts of bytes and tokens as people write them, the same in every option and recipe: 2000000, 2_000_000, 2e6, 2M, 2MB, 1.5T.

Letters are powers of 1000 in either case. `B` alone is a billion for tokens, and one byte for bytes; `KiB` to `TiB` are powers of 1024.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from shards.errors import ShardError

_AMOUNT = re.compile(r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(e\+?\d{1,2})?\s*([a-z]*)", re.IGNORECASE | re.ASCII)
_MOST = 1 << 62
_TOKEN_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "G": 10**9, "T": 10**12}
_BYTE_UNITS = {"": 1, "B": 1} | {
    f"{letter}{end}": base ** (power + 1) for power, letter in enumerate("KMGT") for end, base in (("", 1000), ("B", 1000), ("IB", 1024))
}


def parse_bytes(text: str) -> int:
    """A number of bytes above 0. Raises ValueError whose message lists the accepted forms."""
    return _parse(text, _BYTE_UNITS, "bytes; write 2000000, 2M, 2MB, 1.5GB or 512MiB")


def parse_tokens(text: str) -> int:
    """A number of tokens above 0. Raises ValueError whose message lists the accepted forms."""
    return _parse(text, _TOKEN_UNITS, "tokens; write 20000000, 20M or 1.5B (K, M, B, T)")


def bytes_given_as(name: str, text: str) -> int:
    """`parse_bytes` of the value of an option or environment variable `name`. Raises ShardError that begins with `name`."""
    return _given_as(name, text, parse_bytes)


def tokens_given_as(name: str, text: str | None) -> int | None:
    """`parse_tokens` of the value of an option `name`; None stays None. Raises ShardError that begins with `name`."""
    return None if text is None else _given_as(name, text, parse_tokens)


def _given_as(name: str, text: str, parse: Callable[[str], int]) -> int:
    try:
        return parse(text)
    except ValueError as error:
        raise ShardError(f"{name} {text}: {error}") from None


def _parse(text: str, units: Mapping[str, int], form: str) -> int:
    match = _AMOUNT.fullmatch(text.strip())
    unit = units.get(match[3].upper()) if match else None
    if match is None or unit is None:
        raise ValueError(f"not an amount of {form}")
    amount = Decimal(match[1].replace("_", "").replace(",", "") + (match[2] or "")) * unit
    if not 1 <= amount <= _MOST or amount != int(amount):
        raise ValueError(f"not a whole number from 1 to {_MOST:,} of {form}")
    return int(amount)


def _read(parse: Callable[[str], int]) -> Any:
    """Parse text. A number that YAML has already parsed is left to the type's own checks, except `true`, which they would accept as 1."""
    return BeforeValidator(lambda value: parse(str(value)) if isinstance(value, str | bool) else value)


Bytes = Annotated[int, _read(parse_bytes), Field(gt=0, le=_MOST)]
"""A recipe field that counts bytes."""

Tokens = Annotated[int, _read(parse_tokens), Field(gt=0, le=_MOST)]
"""A recipe field that counts tokens."""
