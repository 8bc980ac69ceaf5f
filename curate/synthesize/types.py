"""The records that the steps of a synthesis exchange."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xxhash

Item = Mapping[str, Any]
"""Fields parsed from an answer or mined from a text, e.g. {"question": …, "answer": …}; output templates read them."""


@dataclass(frozen=True)
class SourceDocument:
    """A document that others are made from. `file` and `row` locate it in the inputs."""

    id: str
    """32 hexadecimal digits."""
    text: str
    source: str
    language: str
    url: str
    metadata: Mapping[str, Any]
    file: str
    row: int


@dataclass(frozen=True)
class Candidate:
    """A document that the gates have not judged yet."""

    text: str
    document: SourceDocument
    passages: tuple[str, ...]
    """The passages of the source that this candidate was made from."""
    items: tuple[Item, ...]
    variant: str
    sample: int
    """Index of the sample, from 0."""
    samples: int = 1
    """Number of samples requested."""
    language: str = ""
    """The language that the document should have."""
    finish_reasons: tuple[str, ...] = ()
    """Why each completion ended: stop, length, …; empty for miners."""
    completions: tuple[str, ...] = ()
    prompt_hashes: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """Request keys; the journal holds the completions under them."""


@dataclass(frozen=True)
class Rejection:
    """Why a candidate was rejected: rule, measured value and threshold, as in the verdict table."""

    rule: str
    value: float | None = None
    threshold: float | None = None
    detail: str = ""


def text_id(text: str) -> bytes:
    """xxh3-128 of the UTF-8 text, 16 bytes."""
    return xxhash.xxh3_128_digest(text.encode())
