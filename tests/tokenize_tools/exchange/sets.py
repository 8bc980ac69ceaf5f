"""Small tokens sets for the tests of exchange, and what every format must keep of them."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shards.read import ShardSet
from shards.schemas import DOC_ID, tokens_schema
from shards.write import write_set
from tokenize_tools.errors import TokenizeError
from tokenize_tools.exchange.exporting import export
from tokenize_tools.exchange.facts import ExchangeFacts
from tokenize_tools.exchange.importing import import_tokens

EOS = 0
LENGTHS = [1, 7, 255, 256, 65_535, 65_536, 3, 1, 1, 40, 900, 2]
FACTS = ExchangeFacts("bpe", "5" * 64, 60_000, None, EOS, 1)


def facts(id_bytes: int) -> ExchangeFacts:
    return FACTS if id_bytes == 2 else ExchangeFacts("wide", "7" * 64, 150_000, 3, EOS, 1)


def tokens_set(folder: Path, lengths=LENGTHS, *, id_bytes: int = 2, batch: int = 5, rows_per_file: int = 8, eos: bool = True) -> Path:
    """A tokens set of documents of these lengths, each with the eos at its end if it has room; several batches and files."""
    rng = np.random.default_rng(3)
    schema, known = tokens_schema(id_bytes), facts(id_bytes)

    def rows(sizes):
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        values = rng.integers(2, known.n_vocab, offsets[-1], dtype=f"uint{8 * id_bytes}")
        filled = np.flatnonzero(sizes)
        values[offsets[filled + 1] - 1] = EOS if eos else 5
        ids = pa.FixedSizeBinaryArray.from_buffers(DOC_ID, len(sizes), [None, pa.py_buffer(rng.bytes(16 * len(sizes)))])
        tokens = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))
        sources = pa.array(["web", 'law, "old"'] * len(sizes))[: len(sizes)]
        return pa.record_batch([ids, tokens, pa.array(4 * np.asarray(sizes)), sources, pa.nulls(len(sizes), pa.bool_())], schema=schema)

    info = {name: getattr(known, name) for name in ("tokenizer", "tokenizer_sha256", "n_vocab", "bos_id", "eos_id", "pad_id")}
    batches = [rows(np.asarray(lengths[start : start + batch], np.int64)) for start in range(0, len(lengths), batch)]
    options = {"rows_per_file": rows_per_file, "compression": None, "token_column": "tokens"}
    write_set(folder, "tokens", schema, batches, info=info | {"policy": {"bos": False, "eos": eos}}, **options)
    return folder


def documents(folder: Path) -> list[list[int]]:
    """The token lists of a set."""
    return ShardSet(folder, "tokens").to_table()["tokens"].to_pylist()


def column(folder: Path, name: str) -> list:
    return ShardSet(folder, "tokens").to_table()[name].to_pylist()


SHORT_LENGTHS = [3, 1, 9, 4, 1, 7, 2, 5, 4, 4, 4, 4]


def write_megatron(prefix, lengths, values, ends=None, code=8) -> None:
    """A pair as Megatron's own builder writes it."""
    dtype = {8: np.uint16, 4: np.int32, 5: np.int64, 1: np.uint8}[code]
    ids = np.asarray(values, dtype)
    ids.tofile(f"{prefix}.bin")
    ends = list(range(len(lengths) + 1)) if ends is None else ends
    pointers = np.concatenate([[0], np.cumsum(lengths)[:-1]]) * ids.itemsize if len(lengths) else []
    index = struct.pack("<9sQBQQ", b"MMIDIDX\x00\x00", 1, code, len(lengths), len(ends))
    arrays = (np.asarray(lengths, "<i4"), np.asarray(pointers, "<i8"), np.asarray(ends, "<i8"))
    with open(f"{prefix}.idx", "wb") as handle:
        handle.write(index + b"".join(array.tobytes() for array in arrays))


def check_damage_is_refused(tmp_path: Path, form: str, name: str, change: Callable[[bytes], bytes], message: str) -> None:
    """A file of an export, changed, is refused in one line that matches `message`, and no set is left; the note stays only for its own message."""
    export(tokens_set(tmp_path / "tokens", SHORT_LENGTHS), form, tmp_path / "out")
    if "exported" not in message:
        (tmp_path / "out" / "cptkit.json").unlink()
    path = tmp_path / "out" / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(TokenizeError, match=message) as caught:
        import_tokens([tmp_path / "out"], form, tmp_path / "back", FACTS)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "back" / "manifest.json").exists()
