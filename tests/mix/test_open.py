from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

import mix.sources
from mix.arrange import arranged
from mix.errors import MixError
from mix.open import open_source
from mix.pack import Packer
from mix.recipe import SourceRecipe
from mix.rows import pack_lengths, write_rows
from shards.read import ShardSet
from shards.record import sealed
from shards.schemas import DOC_ID
from shards.write import write_set
from tests.mix.conftest import read_documents

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
    write_rows(sources, folders, packer or Packer(64), tmp_path / "work", 1)
    known = [doc_id for folder in sources[0].folders for doc_id in ShardSet(folder).to_table()["doc_id"].to_pylist()]
    return [[[known.index(doc_id) for doc_id in row] for row in ShardSet(folder, "rows").to_table()["doc_ids"].to_pylist()] for folder in folders]


def test_a_source_without_wishes_is_all_documents_as_they_lie(source):
    [one] = open_source("web", source())
    assert one.arrangement is None and one.n_documents == N


def test_an_ordered_source_has_rows_in_score_order_to_within_a_window(tmp_path, source):
    sources = open_source("web", source(order={"by": "score", "window": 30}))
    [rows] = documents_of(sources, tmp_path)
    rank = [[int(SCORES[doc]) for doc in row] for row in rows]
    windows = [{rank_ // 30 for rank_ in row} for row in rank]
    assert all(len(window) == 1 for window in windows)
    assert all(max(first) <= min(second) for first, second in pairwise(windows))
    assert sorted(rank_ for row in rank for rank_ in row) == list(range(N))


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


def test_small_sources_keep_their_order_as_the_window_goes_with_their_size(tmp_path, source):
    sources = open_source("web", source(order={"by": "score"}))
    [rows] = documents_of(sources, tmp_path)
    assert all({int(SCORES[doc]) // 64 for doc in row} == {int(SCORES[row[0]]) // 64} for row in rows)


def test_a_preview_of_an_arranged_source_knows_its_rows(tmp_path, source):
    [one] = open_source("web", source(order={"by": "n_tokens", "window": 50}))
    documents_of([one], tmp_path)
    lengths = ShardSet(tmp_path / "rows" / "web").to_table()["n_tokens"].to_numpy()
    ahead = pack_lengths(one, Packer(64))
    assert (ahead.n_rows, ahead.n_tokens) == (len(lengths), lengths.sum())
    assert ahead.short.row.tolist() == np.flatnonzero(lengths < 64).tolist() and ahead.short.tokens.tolist() == lengths[lengths < 64].tolist()


def test_concatenation_keeps_the_order_exactly(tmp_path, source):
    [rows] = documents_of(open_source("web", source(order={"by": "score", "direction": "down"})), tmp_path, Packer(64, "concat"))
    ranks = [SCORES[doc] for row in rows for doc in row]
    assert all(first >= second for first, second in pairwise(ranks)) and len(set(ranks)) == N


def test_a_split_source_is_one_source_for_each_value(tmp_path, source):
    sources = open_source("web", source(split="topic"))
    assert [one.name for one in sources] == ["web.none", "web.a_b-354b81d0", "web.art", "web.law"]
    assert [one.n_documents for one in sources] == [N // 4] * 4 and sum(one.n_tokens for one in sources) == LENGTHS.sum()
    rows = documents_of(sources, tmp_path)
    assert {TOPICS[doc] for row in rows[3] for doc in row} == {"law"}
    assert sorted(doc for own in rows for row in own for doc in row) == list(range(N))


def test_repeats_put_a_document_so_often_into_an_epoch_and_zero_leaves_it_out(tmp_path, source):
    sizes = np.arange(N) % 12
    [one] = open_source("web", source({"cluster_size": sizes}, repeats={"times": {0: 0, 2: 1, 5: 3}}))
    times = np.where(sizes < 2, 0, np.where(sizes < 5, 1, 3))
    assert one.n_tokens == (LENGTHS * times).sum()
    [rows] = documents_of([one], tmp_path)
    assert np.bincount([doc for row in rows for doc in row], minlength=N).tolist() == times.tolist()


def test_sizes_below_the_table_are_seen_once_as_in_rehydration(source):
    [one] = open_source("web", source({"cluster_size": [1, 2] * (N // 2)}, repeats={"times": {2: 4}}))
    assert one.n_documents == N // 2 * 5


def test_repeats_are_read_from_what_curate_rehydrate_wrote(tmp_path, source):
    (tmp_path / "rehydration.json").write_bytes(sealed({"weights": {"1": 1, "3": 2}}))
    recipe = source({"cluster_size": [1, 3] * (N // 2)}, repeats={"times": str(tmp_path / "rehydration.json")})
    assert recipe.repeats.times == {1: 1, 3: 2}
    assert open_source("web", recipe)[0].n_documents == N // 2 * 3


def test_a_column_may_say_how_often_itself(source):
    [one] = open_source("web", source({"times": [0, 3] * (N // 2)}, repeats={"column": "times"}))
    assert one.n_documents == N // 2 * 3
    with pytest.raises(MixError, match="column score must hold whole numbers of at least 0"):
        open_source("web", source({"score": SCORES / 2}, repeats={"column": "score"}))


def test_copies_lie_apart_and_documents_without_a_score_come_last():
    numbers, times = np.arange(4), np.array([1, 2, 0, 3])
    assert arranged(numbers, times, None, descending=False).tolist() == [0, 1, 3, 1, 3, 3]
    scores = np.array([2.0, np.nan, 1.0, 2.0])
    assert arranged(numbers, None, scores, descending=False).tolist() == [2, 0, 3, 1]
    assert arranged(numbers, None, scores, descending=True).tolist() == [0, 3, 2, 1]


def test_fertility_is_tokens_per_word(source):
    words = np.random.default_rng(5).integers(0, 40, N)
    [one] = open_source("web", source({"n_words": words}, order={"by": "fertility"}))
    ratio = [LENGTHS[doc] / words[doc] if words[doc] else np.inf for doc in one.numbers]
    assert ratio == sorted(ratio)


@pytest.mark.parametrize(
    "recipe, said",
    [
        ({"split": "colour"}, r"source web: .*no column colour; it has id, text, score, topic"),
        ({"order": {"by": "topic"}}, "column topic holds values that are not numbers"),
        ({"split": "score"}, "column score is double; split by text or whole numbers"),
    ],
)
def test_columns_that_cannot_serve_are_named(source, recipe, said):
    with pytest.raises(MixError, match=said):
        open_source("web", source(**recipe))


def test_values_that_look_alike_as_folders_stay_apart(tmp_path, source):
    sources = open_source("web", source({"topic": ["a b", "a/b"] * (N // 2)}, split="topic"))
    assert [one.value for one in sources] == ["a b", "a/b"]
    rows = documents_of(sources, tmp_path)
    assert [{doc % 2 for row in own for doc in row} for own in rows] == [{0}, {1}]


def test_more_groups_than_a_plan_can_number_are_refused(source, monkeypatch):
    monkeypatch.setattr("mix.open.MOST_SOURCES", 100)
    with pytest.raises(MixError, match="source web: column topic has 240 values, and a mix at most 100 sources; split by another"):
        open_source("web", source({"topic": list(range(N))}, split="topic"))


def test_other_documents_than_those_tokenized_are_refused(tmp_path, source):
    recipe = source(split="topic")
    with pytest.raises(MixError, match=r"source web: .* are not the documents that were tokenized, in that order"):
        open_source("web", recipe.model_copy(update={"tokens": recipe.tokens[::-1]}))


def test_rows_depend_on_the_columns_that_decide_them(tmp_path, source):
    first = open_source("web", source(order={"by": "score"}))
    documents_of(first, tmp_path)
    before = ShardSet(tmp_path / "rows" / "web").manifest
    documents_of(open_source("web", source({"score": -SCORES}, order={"by": "score"})), tmp_path)
    after = ShardSet(tmp_path / "rows" / "web").manifest
    assert before != after and [parent.kind for parent in after.parents] == ["tokens", "tokens", "documents"]
