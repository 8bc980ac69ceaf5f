"""Which libraries encode, and in which order they are tried."""

from collections.abc import Sequence
from typing import Any

REFERENCE = "tokenizers"
FAST = ("gigatoken", "fastokens")
"""gigatoken starts in half of fastokens' time and takes word-start marks faster; beyond that they are about equal."""


def in_order(names: Sequence[str], parsed: dict[str, Any]) -> Sequence[str]:
    """`names` as they are to be tried with a tokenizer.json."""
    # gigatoken 0.10 composes by a newer Unicode than tokenizers: its order of combining marks differs, so it would only fail the check.
    if "NF" not in str(parsed.get("normalizer")):
        return names
    return sorted(names, key=lambda name: (name == REFERENCE, name == "gigatoken"))
