import numpy as np

import mix.sources
from mix.arrange import arranged
from mix.open import open_source
from mix.pack import Packer
from mix.rows import pack_lengths
from shards.read import ShardSet
from tests.mix.conftest import documents_of, read_documents


def test_the_rows_of_an_arranged_source_hold_the_documents_tokens(tmp_path, source, monkeypatch):
    monkeypatch.setattr(mix.sources, "WINDOW_DOCUMENTS", 100)
    monkeypatch.setattr("mix.rows.WINDOW_DOCUMENTS", 100)
    sources = open_source("web", source(order={"by": "score", "direction": "down"}))
    documents_of(sources, tmp_path)
    expected = {doc_id: ids for folder in sources[0].folders for doc_id, ids in read_documents(folder).items()}
    found = {}
    for row in ShardSet(tmp_path / "rows" / "web", "rows").to_table().to_pylist():
        ends = np.cumsum(row["doc_lengths"])
        found |= {doc_id: row["input_ids"][end - length : end] for doc_id, length, end in zip(row["doc_ids"], row["doc_lengths"], ends, strict=True)}
    assert found == expected


def test_a_preview_of_an_arranged_source_knows_its_rows(tmp_path, source):
    [one] = open_source("web", source(order={"by": "n_tokens", "window": 50}))
    documents_of([one], tmp_path)
    lengths = ShardSet(tmp_path / "rows" / "web").to_table()["n_tokens"].to_numpy()
    ahead = pack_lengths(one, Packer(64))
    assert (ahead.n_rows, ahead.n_tokens) == (len(lengths), lengths.sum())
    assert ahead.short.row.tolist() == np.flatnonzero(lengths < 64).tolist() and ahead.short.tokens.tolist() == lengths[lengths < 64].tolist()


def test_repeats_of_a_document_are_far_apart_and_documents_without_a_score_come_last():
    numbers, times = np.arange(4), np.array([1, 2, 0, 3])
    assert arranged(numbers, times, None, descending=False).tolist() == [0, 1, 3, 1, 3, 3]
    scores = np.array([2.0, np.nan, 1.0, 2.0])
    assert arranged(numbers, None, scores, descending=False).tolist() == [2, 0, 3, 1]
    assert arranged(numbers, None, scores, descending=True).tolist() == [0, 3, 2, 1]
