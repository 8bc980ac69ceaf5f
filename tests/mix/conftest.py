from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import xxhash

from mix.pack import Packer
from mix.recipe import MixRecipe, SourceRecipe
from mix.rows import Packable, write_rows
from mix.shares import Shares
from shards.read import ShardSet
from shards.schemas import DOC_ID, DOCUMENTS, tokens_schema
from shards.write import write_set

INFO = {"tokenizer_sha256": "5" * 64, "n_vocab": 60_000, "eos_id": 0, "pad_id": 1, "n_bytes": 1}


def write_tokens(
    folder: Path, lengths, *, seed: int = 0, rows_per_file: int = 1 << 20, batch: int = 1 << 20, id_bytes: int = 2, info=None, synthetic=()
) -> Path:
    """A tokens set of documents of these lengths; ids and tokens are random, and no token is the pad id. `synthetic`: numbers of documents."""
    rng = np.random.default_rng(seed)
    schema, made = tokens_schema(id_bytes), np.isin(np.arange(len(lengths)), synthetic)
    marks = {"n_synthetic_tokens": int(np.asarray(lengths)[made].sum())}

    def batches():
        for first in range(0, len(lengths), batch):
            part = np.asarray(lengths[first : first + batch], np.int64)
            ids = pa.FixedSizeBinaryArray.from_buffers(DOC_ID, len(part), [None, pa.py_buffer(rng.bytes(16 * len(part)))])
            values = pa.array(rng.integers(2, 60_000, part.sum(), dtype=f"uint{8 * id_bytes}"))
            tokens = pa.LargeListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(part)])), values)
            sources = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(part), np.int8)), ["test"]).cast(pa.string())
            yield pa.record_batch([ids, tokens, pa.array(part * 4), sources, pa.array(made[first : first + batch])], schema=schema)

    write_set(folder, "tokens", schema, batches(), info=(info or INFO) | marks, rows_per_file=rows_per_file, compression=None, token_column="tokens")
    return folder


def read_documents(folder: Path) -> dict[bytes, list[int]]:
    """Token lists by document id."""
    table = ShardSet(folder, "tokens").to_table()
    return dict(zip(table["doc_id"].to_pylist(), table["tokens"].to_pylist(), strict=True))


def shares(piece_tokens, weights) -> Shares:
    """Shares from relative weights: `weights[piece][source]` is (weight at the beginning, weight at the end of the piece)."""
    ends = np.asarray(weights, dtype=np.float64)
    ends = ends / ends.sum(axis=1, keepdims=True)
    return Shares(np.asarray(piece_tokens, dtype=np.float64), ends[:, :, 0], ends[:, :, 1])


@pytest.fixture
def tokens(tmp_path: Path) -> Callable[..., Path]:
    """tokens(name, lengths, **options) writes a tokens set under the test's folder."""

    def make(name: str, lengths, **options) -> Path:
        return write_tokens(tmp_path / "tokens" / name, lengths, **options)

    return make


@pytest.fixture
def two_sources(tmp_path: Path, tokens) -> Callable[..., MixRecipe]:
    """two_sources(**changes) is a recipe of two stages over sources `web` and `law`, written into `out`."""
    rng = np.random.default_rng(7)
    web = [tokens("web0", rng.integers(0, 300, 400), seed=1, rows_per_file=150, batch=40), tokens("web1", rng.integers(1, 50, 90), seed=2)]
    law = tokens("law", rng.integers(1, 900, 25), seed=3)

    def make(**changes) -> MixRecipe:
        recipe = {
            "name": "two",
            "seed": 3,
            "row_tokens": 64,
            "out": tmp_path / "out",
            "sources": {"web": {"tokens": web}, "law": {"tokens": law, "max_epochs": 3}},
            "stages": [
                {"name": "first", "tokens": "30K", "weights": {"web": 9, "law": 1}},
                {"name": "second", "tokens": 20_000, "weights": {"web": 1, "law": {"from": 0.5, "to": 2}}},
            ],
        }
        return MixRecipe.model_validate(recipe | changes)

    return make


N = 240


LENGTHS = np.random.default_rng(0).integers(1, 60, N)


SCORES = np.random.default_rng(1).permutation(N).astype(float)


TOPICS = [["law", "art", "a/b", None][number % 4] for number in range(N)]


@pytest.fixture
def source(tmp_path, tokens):
    """source(columns, **recipe): a recipe's source of two tokens sets, and the documents set they come from with these columns."""

    def make(columns=None, **recipe) -> SourceRecipe:
        folders = [tokens("a", LENGTHS[:150], rows_per_file=60, batch=17), tokens("b", LENGTHS[150:], seed=9)]
        ids = [doc_id for folder in folders for doc_id in ShardSet(folder).to_table()["doc_id"].to_pylist()]
        columns = {"score": SCORES, "topic": TOPICS} | (columns or {})
        table = pa.table({"id": pa.array(ids, DOC_ID), "text": ["x"] * N} | {name: pa.array(values) for name, values in columns.items()})
        write_set(tmp_path / "documents", "documents", table.schema, table.to_batches(100), rows_per_file=70)
        return SourceRecipe.model_validate({"tokens": folders, "documents": tmp_path / "documents"} | recipe)

    return make


def documents_of(sources, tmp_path, packer=None):
    """Document numbers by row of each source's rows set, in row order."""
    folders = [tmp_path / "rows" / one.name for one in sources]
    write_rows([Packable(source, packer or Packer(64)) for source in sources], folders, tmp_path / "work", 1)
    known = [doc_id for folder in sources[0].folders for doc_id in ShardSet(folder).to_table()["doc_id"].to_pylist()]
    return [[[known.index(doc_id) for doc_id in row] for row in ShardSet(folder, "rows").to_table()["doc_ids"].to_pylist()] for folder in folders]


WORDS = [f"w{number}" for number in range(500)]


@pytest.fixture
def texts(tmp_path, monkeypatch) -> list[str]:
    """Texts of a documents set `docs/web`, tokenized into `tokens/web` as its child; text 0 was read twice. Unlike any other test's."""
    monkeypatch.chdir(tmp_path)
    texts = [" ".join(WORDS[first : first + 7 + first % 90]) for first in range(0, 300, 3)]
    rows = [{"id": xxhash.xxh3_128_digest(text.encode()), "text": text, "file": f"in/{number % 4}.txt", "row": number} for number, text in enumerate(texts)]
    rows.append(rows[0] | {"file": "copy.txt", "row": 9})
    batch = pa.RecordBatch.from_pylist([{"source": "web", "language": "en", "url": "", "metadata": str(tmp_path)} | row for row in rows], schema=DOCUMENTS)
    write_set(tmp_path / "docs" / "web", "documents", DOCUMENTS, [batch])
    ids = [{"doc_id": row["id"], "tokens": [WORDS.index(word) for word in row["text"].split()], "n_bytes": 1, "source": "web"} for row in rows[:-1]]
    parent = ShardSet(tmp_path / "docs" / "web").parent("web")
    tokens = [pa.RecordBatch.from_pylist(ids, schema=tokens_schema(2))]
    write_set(tmp_path / "tokens" / "web", "tokens", tokens_schema(2), tokens, info=INFO, parents=(parent,), compression=None, token_column="tokens")
    return texts
