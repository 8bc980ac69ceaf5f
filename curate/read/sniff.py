"""What documents hold that were read as text: markup and JSON give themselves away by how they begin."""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

_KINDS = {"markup": r"^\s*<[A-Za-z!?/]", "json": r'^\s*(\{\s*"|\[\s*[\[{"])'}


def looks_like(raw: pa.RecordBatch) -> dict[str, Counter[str]]:
    """Documents by what they look like, `markup` or `json`, and by source; `raw` has the columns `text` and `source`."""
    found = {}
    for kind, pattern in _KINDS.items():
        sources = raw["source"].filter(pc.fill_null(pc.match_substring_regex(raw["text"], pattern), False))
        found[kind] = Counter(sources.to_pylist())
    return found
