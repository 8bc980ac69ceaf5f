"""Signatures on disk: a table of band keys for the search for candidates, and a table of whole signatures.

Both have one row per document. They are memory-mapped and read by band or a few rows at a time.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from curate.dedup.bands import NO_SIGNATURE, band_keys


def bands_schema(buckets: int) -> pa.Schema:
    """One uint64 column of keys per band; `NO_SIGNATURE` for documents too short to have shingles."""
    return pa.schema([pa.field(f"band_{number:03}", pa.uint64(), nullable=False) for number in range(buckets)])


def signatures_schema(dtype: np.dtype, n_values: int) -> pa.Schema:
    """One fixed-size list of unsigned integers per document; null for documents too short to have shingles."""
    return pa.schema([("signature", pa.list_(pa.from_numpy_dtype(dtype), n_values))])


def bands_batch(sig: np.ndarray, exists: np.ndarray, buckets: int) -> pa.RecordBatch:
    """The rows of `bands_schema` of signatures `sig (n_docs, n_values)`, `exists (n_docs,) bool`."""
    return pa.record_batch([pa.array(keys) for keys in band_keys(sig, exists, buckets)], schema=bands_schema(buckets))


def signatures_batch(sig: np.ndarray, exists: np.ndarray) -> pa.RecordBatch:
    """The rows of `signatures_schema`."""
    column = pa.FixedSizeListArray.from_arrays(pa.array(sig.reshape(-1)), sig.shape[1], mask=pa.array(~exists))
    return pa.record_batch([column], schema=signatures_schema(sig.dtype, sig.shape[1]))


class SignatureStore:
    """Documents of several tables, numbered consecutively from 0. `signatures` may be empty if `rows` is not used."""

    def __init__(self, bands: Sequence[pa.Table], signatures: Sequence[pa.Table] = ()) -> None:
        self._bands = bands
        self.n_docs = sum(table.num_rows for table in bands)
        self.n_bands = bands[0].num_columns if bands else 0
        self.has_rows = bool(signatures)
        lists = [chunk for table in signatures for chunk in table["signature"].chunks]
        self._rows = [np.asarray(chunk.values).reshape(-1, chunk.type.list_size)[chunk.offset : chunk.offset + len(chunk)] for chunk in lists]
        self._starts = np.cumsum([0, *map(len, self._rows)])

    def band(self, number: int) -> Iterator[np.ndarray]:
        """Keys of a band, uint64, in chunks of consecutive documents."""
        for table in self._bands:
            for chunk in table.column(number).chunks:
                yield chunk.to_numpy()

    def rows(self, docs: np.ndarray) -> np.ndarray:
        """Signatures of documents (n,) int64 in any order, (n, n_values); undefined for documents without one."""
        if not len(docs):
            return np.empty((0, self._rows[0].shape[1] if self._rows else 0), self._rows[0].dtype if self._rows else np.uint32)
        order = np.argsort(docs, kind="stable")
        edges = np.searchsorted(docs[order], self._starts)
        signatures = np.empty((len(docs), self._rows[0].shape[1]), self._rows[0].dtype)
        for chunk in np.flatnonzero(np.diff(edges)):
            here = order[edges[chunk] : edges[chunk + 1]]
            signatures[here] = self._rows[chunk][docs[here] - self._starts[chunk]]
        return signatures

    def signed(self) -> np.ndarray:
        """Which documents have a signature, (n_docs,) bool."""
        return np.concatenate([np.empty(0, bool), *(keys != NO_SIGNATURE for keys in self.band(0))])
