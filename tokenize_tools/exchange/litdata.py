"""LitData's chunks of tokens, which litgpt reads with `TokensLoader` (`litdata/streaming/writer.py`, `item_loader.py`). Export only.

`chunk-0-N.bin`: number of documents (uint32), byte offset of each and of the end (uint32), ids. `index.json`: bytes and tokens of each chunk, and
LitData's number for the type of the ids.
"""

import json
from collections.abc import Callable

import numpy as np

from shards.read import ShardSet
from tokenize_tools.exchange.documents import CHUNK_BYTES, chunks, token_dtype
from tokenize_tools.exchange.folder import ExportFolder

_TORCH_TYPES = {"uint16": 20, "uint32": 16}
"""LitData's numbers for torch.uint16 and for torch.int32; it has none for uint32."""
_ONE_LEAF = json.dumps([1, {"type": None, "context": None, "children_spec": []}])


def write(tokens: ShardSet, folder: ExportFolder, report: Callable[[int, int], None]) -> None:
    """Write chunks of documents and `index.json`; call `report(documents, tokens)` with the progress. Raises TokenizeError for a document of 2 GiB or more."""
    dtype = token_dtype(tokens)
    index = []
    for number, batches in enumerate(chunks(tokens)):
        lengths = np.concatenate([documents.lengths for documents in batches])
        offsets = 4 * (len(lengths) + 2) + np.concatenate([[0], np.cumsum(lengths * dtype.itemsize)])
        name = f"chunk-0-{number}.bin"
        with folder.open(name) as sink:
            sink.write(np.array([len(lengths)], "<u4"))
            sink.write(offsets.astype("<u4"))
            for documents in batches:
                sink.write(np.ascontiguousarray(documents.values))
        n_tokens = int(lengths.sum())
        index.append({"chunk_bytes": n_tokens * dtype.itemsize, "chunk_size": len(lengths), "dim": n_tokens, "filename": name})
        report(len(lengths), n_tokens)
    config = {
        "chunk_bytes": CHUNK_BYTES,
        "chunk_size": None,
        "compression": None,
        "data_format": [f"no_header_tensor:{_TORCH_TYPES[dtype.name]}"],
        "data_spec": _ONE_LEAF,
        "encryption": None,
        "item_loader": "TokensLoader",
    }
    with folder.open("index.json") as sink:
        sink.write(json.dumps({"chunks": index, "config": config}, sort_keys=True).encode())
