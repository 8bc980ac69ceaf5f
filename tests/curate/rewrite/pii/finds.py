"""Personal data in a text as values, and texts with placeholders."""

import pyarrow as pa

from curate.rewrite.pii.find import find_pii, replace_pii
from curate.rewrite.pii.kinds import KINDS, PLACEHOLDERS


def found(text: str, **options: object) -> list[tuple[str, str]]:
    """(kind, value) of everything in a text."""
    pii = find_pii(pa.array([text], pa.large_string()), KINDS, **options)  # type: ignore[arg-type]
    return [(KINDS[kind], text.encode()[start:end].decode()) for _, start, end, kind in zip(*pii, strict=True)]


def replaced(*texts: str, placeholders: dict[str, tuple[str, ...]] = PLACEHOLDERS) -> list[str]:
    column = pa.array(texts, pa.large_string())
    return replace_pii(column, find_pii(column, KINDS), placeholders).to_pylist()
