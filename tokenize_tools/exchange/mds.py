"""MosaicML Streaming's shards (MDS version 2), which llm-foundry reads (`streaming/base/format/mds`). Export only.

`shard.NNNNN.mds`: number of samples (uint32), byte offset of each and of the end (uint32), the shard's configuration as JSON, samples. A sample is a
document: the sizes of its columns (uint32), then the columns ordered by name: `id` (32 hexadecimal digits), `source`, and `tokens`, an array whose
first bytes are its shape.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shards.read import ShardSet
from tokenize_tools.exchange.documents import CHUNK_BYTES, Documents, chunks, token_dtype
from tokenize_tools.exchange.folder import ExportFolder
from tokenize_tools.exchange.olmo import hex_ids

_TYPES = {"uint16": "uint16", "uint32": "int32"}
"""Our uint32 becomes int32, because torch has few operations on uint32."""
_SHAPE_TYPES = ("u1", "<u2", "<u4")


def write(tokens: ShardSet, folder: ExportFolder, report: Callable[[int, int], None]) -> None:
    """Write shards of documents and `index.json`; call `report(documents, tokens)` with the progress. Raises TokenizeError for a document of 2 GiB or more."""
    config = _config(token_dtype(tokens))
    header = json.dumps(config, sort_keys=True).encode()
    shards = []
    for number, batches in enumerate(chunks(tokens)):
        name = f"shard.{number:05d}.mds"
        samples = [_samples(documents) for documents in batches]
        sizes = np.concatenate([pc.binary_length(batch).to_numpy() for batch in samples])
        offsets = 4 * (len(sizes) + 2) + len(header) + np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        with folder.open(name) as sink:
            sink.write(np.array([len(sizes)], "<u4"))
            sink.write(offsets.astype("<u4"))
            sink.write(header)
            for batch in samples:
                sink.write(_data(batch))
        raw = {"basename": name, "bytes": folder.files[name]["n_bytes"], "hashes": {}}
        shards.append(config | {"raw_data": raw, "samples": len(sizes), "zip_data": None})
        report(len(sizes), sum(len(documents.values) for documents in batches))
    with folder.open("index.json") as sink:
        sink.write(json.dumps({"shards": shards, "version": 2}, sort_keys=True).encode())


def _config(dtype: np.dtype[Any]) -> dict[str, Any]:
    columns = {"id": "str", "source": "str", "tokens": f"ndarray:{_TYPES[dtype.name]}"}
    return {
        "column_encodings": list(columns.values()),
        "column_names": list(columns),
        "column_sizes": [None] * len(columns),
        "compression": None,
        "format": "mds",
        "hashes": [],
        "size_limit": CHUNK_BYTES,
        "version": 2,
    }


def _samples(documents: Documents) -> pa.LargeBinaryArray:
    """The bytes of each document's sample, joined by Arrow."""
    width, n_docs = documents.values.itemsize, len(documents.lengths)
    ids, sources = hex_ids(documents.doc_ids), documents.sources.fill_null("")
    shapes, shape_sizes = _shapes(documents.lengths)
    sizes = np.stack([np.full(n_docs, 32), pc.binary_length(sources).to_numpy(), shape_sizes + documents.lengths * width], axis=1).astype("<u4")
    heads = pa.FixedSizeBinaryArray.from_buffers(pa.binary(12), n_docs, [None, pa.py_buffer(sizes)])
    values = np.ascontiguousarray(documents.values).view(np.uint8)
    tokens = pa.LargeBinaryArray.from_buffers(pa.large_binary(), n_docs, [None, pa.py_buffer(documents.offsets * width), pa.py_buffer(values)])
    columns = [column.cast(pa.large_binary()) for column in (heads, ids, sources, shapes)]
    return pc.binary_join_element_wise(*columns, tokens, pa.scalar(b"", pa.large_binary()))


def _shapes(lengths: NDArray[np.int64]) -> tuple[pa.LargeBinaryArray, NDArray[np.int64]]:
    """The header of each array of tokens, and its size in bytes: one byte for "one axis" and the width of the length (1, 2 or 4), then the length."""
    kinds = np.searchsorted([1 << 8, 1 << 16], lengths, side="right")
    sizes = 1 + (1 << kinds)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    shapes = np.zeros(offsets[-1], np.uint8)
    shapes[offsets[:-1]] = 1 << 2 | kinds
    for kind, form in enumerate(_SHAPE_TYPES):
        chosen = np.flatnonzero(kinds == kind)
        indices = offsets[chosen, None] + 1 + np.arange(1 << kind)
        shapes[indices] = lengths[chosen].astype(form).view(np.uint8).reshape(-1, 1 << kind)
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(shapes)]), sizes


def _data(samples: pa.LargeBinaryArray) -> pa.Buffer:
    """The bytes of all samples, one after another."""
    offsets = np.frombuffer(samples.buffers()[1], np.int64)[samples.offset : samples.offset + len(samples) + 1]
    return samples.buffers()[2].slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
