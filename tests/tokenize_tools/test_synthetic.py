import json

import pyarrow as pa
import xxhash

from shards.read import ShardSet
from shards.write import write_set
from tests.tokenize_tools.samples import byte_level
from tokenize_tools.recipe import TokenizeRecipe
from tokenize_tools.run import tokenize

TASK = pa.struct([("task", pa.string())])
METADATA = {
    "made by a task": json.dumps({"synthetic": {"task": "qa"}}),
    "flagged": '{"a": 1, "synthetic" : true}',
    "read from a page": json.dumps({"author": "x"}),
    "flagged as real": json.dumps({"synthetic": False}),
    "about synthetic text": json.dumps({"title": '{"synthetic": 1}', "nested": {"synthetic": 1}}),
    "no metadata": "",
    "broken metadata": '{"synthetic": ',
}


def documents(folder, metadata, synthetic=None):
    """A documents set of one document for each entry of `metadata`."""
    texts = list(metadata)
    columns = {"id": pa.array([xxhash.xxh3_128_digest(text) for text in texts], pa.binary(16)), "text": pa.array(texts, pa.large_string())}
    columns |= {name: pa.array([""] * len(texts)) for name in ("language", "url", "file")}
    columns |= {"source": pa.array(["web"] * len(texts)), "metadata": pa.array(list(metadata.values())), "row": pa.array([0] * len(texts), pa.int64())}
    table = pa.table(columns | ({} if synthetic is None else {"synthetic": synthetic}))
    write_set(folder, "documents", table.schema, table.to_batches())
    return folder


def tokens_of(tmp_path, documents_set):
    manifest = tokenize(TokenizeRecipe(documents=[documents_set], tokenizer=byte_level(tmp_path / "bpe"), out=tmp_path / "tokens", eos=False, workers=1))
    table = ShardSet(tmp_path / "tokens").to_table()
    return manifest, dict(zip(METADATA, table["synthetic"].to_pylist(), strict=True)), [len(ids) for ids in table["tokens"].to_pylist()]


def test_documents_that_their_metadata_marks_as_synthetic_are_marked_and_their_tokens_counted(tmp_path):
    manifest, made, lengths = tokens_of(tmp_path, documents(tmp_path / "documents", METADATA))
    assert made == {text: text in ("made by a task", "flagged") for text in METADATA}
    assert manifest.info["n_synthetic_tokens"] == sum(lengths[:2]) == manifest.info["sources"]["web"]["n_synthetic_tokens"]


def test_the_column_of_a_set_that_a_synthesis_wrote_marks_its_documents(tmp_path):
    blank = dict.fromkeys(METADATA, "")
    column = pa.array([{"task": "qa"}, None, None, None, None, None, {"task": None}], TASK)
    assert list(tokens_of(tmp_path, documents(tmp_path / "documents", blank, column))[1].values()) == [True, False, False, False, False, False, True]
    flags = pa.array([True, False, None, False, False, False, False])
    assert list(tokens_of(tmp_path, documents(tmp_path / "flags", blank, flags))[1].values()) == [True] + [False] * 6
