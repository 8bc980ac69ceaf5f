"""What the parts of this room hand to each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Item = Mapping[str, Any]
"""One thing found in an answer or mined from a text, e.g. {"question": …, "answer": …}; what output templates read."""


@dataclass(frozen=True)
class SourceDocument:
    """A document that others are made from. `file` and `row` say where it lies in the inputs."""

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
    """A document in the making, before gates."""

    text: str
    document: SourceDocument
    passages: tuple[str, ...]
    """What of the source the model or miner saw, as far as it went into this candidate."""
    items: tuple[Item, ...]
    variant: str
    sample: int
    """Number of the sample, from 0."""
    samples: int = 1
    """Samples asked for."""
    language: str = ""
    """What the document's language will be."""
    finish_reasons: tuple[str, ...] = ()
    """Why the model stopped, by completion: stop, length, …; empty for miners."""
    completions: tuple[str, ...] = ()
    prompt_hashes: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """Keys of the requests, under which the journal holds the completions."""


@dataclass(frozen=True)
class Rejection:
    """Why a candidate is no document: a rule, what it measured and against what, as in the verdict table."""

    rule: str
    value: float | None = None
    threshold: float | None = None
    detail: str = ""
