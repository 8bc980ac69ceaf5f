"""A block's texts as a polars column, for signals defined by regular expressions."""

import numpy as np
import polars as pl
import pyarrow as pa

from curate.signals.block import Block


def text_column(block: Block) -> pl.Series:
    """The texts, (n_docs,) strings, passed to polars without copying."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(block.offsets)), pa.py_buffer(block.utf8)]
    return pl.Series(pa.LargeStringArray.from_buffers(block.n_docs, buffers[1], buffers[2]), dtype=pl.String)


def count(texts: pl.Series, pattern: str) -> np.ndarray:
    """Number of non-overlapping matches of a Rust regular expression in each text, (n_docs,) int64."""
    return texts.str.count_matches(pattern).cast(pl.Int64).to_numpy()


def has(texts: pl.Series, pattern: str) -> np.ndarray:
    """1 if a Rust regular expression matches, else 0; (n_docs,) int64."""
    return texts.str.contains(pattern).cast(pl.Int64).to_numpy()
