"""Columns `doc_id`, `text_bytes` and `is_blank` of the final text. Follows every step that rewrites."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from curate.kernels.buffers import text_buffers
from curate.steps.batch import Batch, Step
from shards.schemas import DOC_ID


class IdentityStep(Step[None]):
    """Hashes and sizes each text. A text is blank if repair or rewriting left only white space."""

    name = "identity"

    def __init__(self, section: None, folder: Path) -> None:
        super().__init__(section, folder)
        self.columns = [pa.field("doc_id", DOC_ID), pa.field("text_bytes", pa.int64()), pa.field("is_blank", pa.bool_())]

    @classmethod
    def key(cls, section: None) -> Any:
        """Constant: depends on the text alone."""
        return True

    def apply(self, batch: Batch) -> None:
        """Add the columns, and the count `bytes`."""
        batch.columns["doc_id"] = content_ids(batch.texts)
        n_bytes = np.diff(text_buffers(batch.texts)[1])
        batch.columns["text_bytes"] = pa.array(n_bytes, pa.int64())
        batch.columns["is_blank"] = pc.equal(pc.utf8_trim_whitespace(batch.texts), "")
        batch.counts["bytes"] += int(n_bytes.sum())


def content_ids(texts: pa.Array) -> pa.Array:
    """xxh3-128 of each text's UTF-8 bytes, (n_docs,) fixed-size binary(16), big-endian as in the canonical hexadecimal form."""
    utf8, offsets = text_buffers(texts)
    data, digest = memoryview(utf8.data), xxhash.xxh3_128_digest
    joined = b"".join([digest(data[start:stop]) for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)])
    return pa.FixedSizeBinaryArray.from_buffers(DOC_ID, len(texts), [None, pa.py_buffer(joined)])
