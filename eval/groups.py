"""Groups of held-out documents: by a column, a key of their metadata, the host of their URL, their year or their length.

Documents of one group may depend on each other (clusters), or be of interest on their own (slices).
"""

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from eval.errors import EvalError
from shards.held_out import HeldOutSample

NEAR_DUPLICATES, NONE, URL_HOST, LENGTH, YEAR = "near_duplicates", "none", "url_host", "length", "year"
_METADATA = "metadata."
_YEAR_KEYS = ("year", "date", "published", "publish_date", "date_published", "created", "timestamp", "crawl_date")
_YEAR = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d)(?=\D|$|\d{4}(?!\d))")
"""2024, or the beginning of 2024-05-01 and 20240501."""


class Clustering(NamedTuple):
    """`labels (n_docs,) int64`: documents with equal labels are not independent. `by`: what made them. `alone`: documents that had no value, and are
    clusters of their own. `note`: what the reader must know, or ""."""

    labels: np.ndarray
    by: str
    alone: int = 0
    note: str = ""


def column_of(by: str) -> list[str]:
    """Columns of a documents set that a grouping needs."""
    if by in (NEAR_DUPLICATES, NONE, LENGTH):
        return []
    if by == URL_HOST:
        return ["url"]
    return ["metadata"] if by == YEAR or by.startswith(_METADATA) else [by]


def values_of(sample: HeldOutSample, by: str, where: str) -> list[str | None]:
    """The value of each document, None where it has none. Raises EvalError, beginning with `where`, if no document has a value."""
    if by == URL_HOST:
        values = [urlsplit(url or "").hostname for url in sample.columns["url"]]
    elif by == YEAR:
        values = [_year(_metadata(text)) for text in sample.columns["metadata"]]
    elif by.startswith(_METADATA):
        values = [_inside(_metadata(text), by.removeprefix(_METADATA)) for text in sample.columns["metadata"]]
    else:
        values = [None if value in (None, "") else str(value) for value in sample.columns[by]]
    if not any(value is not None for value in values):
        keys = sorted({key for text in sample.columns.get("metadata", []) for key in _metadata(text)})
        there = f"; their metadata has {', '.join(keys) or 'no keys'}" if "metadata" in sample.columns else ""
        raise EvalError(f"{where}: no document has a value of {by}{there}")
    return values


def cluster(sample: HeldOutSample, by: str, where: str) -> Clustering:
    """Clusters of documents. Raises EvalError as `values_of`."""
    everyone = np.arange(len(sample))
    if by == NONE:
        return Clustering(everyone, by)
    if by == NEAR_DUPLICATES:
        return _near_duplicates(sample)
    values = values_of(sample, by, where)
    numbers: dict[str, int] = {}
    labels = [int(row) if value is None else numbers.setdefault(value, int(row)) for row, value in zip(everyone, values, strict=True)]
    return Clustering(np.array(labels, np.int64), by, sum(value is None for value in values))


def length_bands(n_bytes: np.ndarray, edges: Sequence[int]) -> list[str]:
    """The band of each document's length in bytes: between `edges`, or between the quartiles of all lengths if there are none."""
    limits = sorted(set(edges)) or sorted({int(edge) for edge in np.quantile(n_bytes, [0.25, 0.5, 0.75], method="lower")})
    bands = np.searchsorted(np.array(limits), n_bytes, side="left")
    names = [f"to {limits[0]:,} bytes"]
    names += [f"{high:,} bytes" if high == low + 1 else f"{low + 1:,} to {high:,} bytes" for low, high in pairwise(limits)]
    names.append(f"over {limits[-1]:,} bytes")
    return [names[band] for band in bands]


def _near_duplicates(sample: HeldOutSample) -> Clustering:
    try:
        from eval.contamination.clusters import near_duplicate_clusters
    except ImportError as error:
        note = f"near-duplicates were not looked for, because {error.name} is not installed; install cptkit[curate], or set clusters"
        return Clustering(np.arange(len(sample)), NONE, 0, note)
    return Clustering(near_duplicate_clusters(sample.texts), NEAR_DUPLICATES)


def _metadata(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _inside(found: Any, key: str) -> str | None:
    """The value at `key`, or at a path of keys with dots between them."""
    if isinstance(found, dict) and key in found:
        found = found[key]
    else:
        for part in key.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if found in (None, "", [], {}):
        return None
    return found if isinstance(found, str) else json.dumps(found, sort_keys=True)


def _year(metadata: dict[str, Any]) -> str | None:
    for key in _YEAR_KEYS:
        if found := _YEAR.search(str(metadata.get(key, ""))):
            return found[1]
    return None
