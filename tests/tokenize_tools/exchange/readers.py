"""Readers of the exported formats, each ten lines written from the definition of its format."""

import csv
import gzip
import json
import struct
from itertools import pairwise

import numpy as np


def read_megatron(folder) -> list[list[int]]:
    raw = (folder / "tokens.idx").read_bytes()
    assert raw[:9] == b"MMIDIDX\x00\x00"
    version, code, n, n_ends = struct.unpack_from("<QBQQ", raw, 9)
    assert version == 1 and n_ends == n + 1
    lengths, pointers = struct.unpack_from(f"<{n}i", raw, 34), struct.unpack_from(f"<{n}q", raw, 34 + 4 * n)
    assert struct.unpack_from(f"<{n + 1}q", raw, 34 + 12 * n) == tuple(range(n + 1)) and len(raw) == 34 + 12 * n + 8 * (n + 1)
    ids = (folder / "tokens.bin").read_bytes()
    letter = {8: "H", 4: "i"}[code]
    return [list(struct.unpack_from(f"<{length}{letter}", ids, pointer)) for length, pointer in zip(lengths, pointers, strict=True)]


def read_datatrove(folder) -> list[list[int]]:
    found = []
    for path in sorted(folder.glob("*.ds")):
        label, count, _ = (folder / f"{path.name}.metadata").read_text().split("\n")
        ids = np.fromfile(path, {"2": "<u2", "4": "<u4"}[label.split("|")[1]])
        ends = np.fromfile(f"{path}.index", "<u8").astype(int)
        assert int(count) == len(ids) == ends[-1]
        found += [ids[low:high].tolist() for low, high in zip([0, *ends[:-1]], ends, strict=True)]
    return found


def read_olmo(folder, dtype: str = "<u2") -> list[list[int]]:
    found = []
    for path in sorted(folder.glob("*.npy")):
        ids = np.fromfile(path, dtype)
        with gzip.open(path.with_suffix(".csv.gz"), "rt", newline="") as lines:
            found += [ids[int(start) : int(end)].tolist() for start, end, *_ in csv.reader(lines)]
    return found


def read_litdata(folder) -> list[list[int]]:
    index = json.loads((folder / "index.json").read_text())
    dtype = {"no_header_tensor:20": "<u2", "no_header_tensor:16": "<i4"}[index["config"]["data_format"][0]]
    found = []
    for chunk in index["chunks"]:
        raw = (folder / chunk["filename"]).read_bytes()
        n = struct.unpack_from("<I", raw)[0]
        offsets = struct.unpack_from(f"<{n + 1}I", raw, 4)
        assert n == chunk["chunk_size"] and offsets[0] == 4 * (n + 2) and offsets[-1] == len(raw)
        assert chunk["dim"] * np.dtype(dtype).itemsize == chunk["chunk_bytes"] == offsets[-1] - offsets[0]
        found += [np.frombuffer(raw[low:high], dtype).tolist() for low, high in pairwise(offsets)]
    return found


def read_mds(folder) -> list[tuple[str, str, list[int]]]:
    found = []
    for shard in json.loads((folder / "index.json").read_text())["shards"]:
        raw = (folder / shard["raw_data"]["basename"]).read_bytes()
        n = struct.unpack_from("<I", raw)[0]
        offsets = struct.unpack_from(f"<{n + 1}I", raw, 4)
        assert len(raw) == shard["raw_data"]["bytes"] == offsets[-1] and n == shard["samples"]
        assert json.loads(raw[4 * (n + 2) : offsets[0]])["column_names"] == ["id", "source", "tokens"]
        dtype = shard["column_encodings"][2].split(":")[1]
        for low, high in pairwise(offsets):
            sizes = struct.unpack_from("<3I", raw, low)
            assert 12 + sum(sizes) == high - low
            name, source = raw[low + 12 :][:32].decode(), raw[low + 44 :][: sizes[1]].decode()
            array = raw[low + 44 + sizes[1] : high]
            shape_bytes = 1 << (array[0] & 3)
            ids = np.frombuffer(array[1 + shape_bytes :], dtype)
            assert array[0] >> 2 == 1 and int.from_bytes(array[1 : 1 + shape_bytes], "little") == len(ids)
            found.append((name, source, ids.tolist()))
    return found


def read_export(folder, form: str, id_bytes: int = 2) -> list[list[int]]:
    """The documents of an export in any of the formats."""
    if form == "mds":
        return [ids for _, _, ids in read_mds(folder)]
    if form == "olmo":
        return read_olmo(folder, f"<u{id_bytes}")
    return {"megatron": read_megatron, "datatrove": read_datatrove, "litdata": read_litdata}[form](folder)
