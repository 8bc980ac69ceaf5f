from itertools import pairwise

import numpy as np
import pytest

from mix.errors import MixError
from mix.open import open_source
from mix.pack import Packer
from shards.read import ShardSet
from shards.record import sealed
from tests.mix.conftest import LENGTHS, SCORES, TOPICS, N, documents_of


def test_a_source_without_options_is_all_documents_in_order(source):
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


def test_small_sources_keep_their_order_as_the_window_goes_with_their_size(tmp_path, source):
    sources = open_source("web", source(order={"by": "score"}))
    [rows] = documents_of(sources, tmp_path)
    assert all({int(SCORES[doc]) // 64 for doc in row} == {int(SCORES[row[0]]) // 64} for row in rows)


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


def test_repeats_set_how_often_a_document_is_in_an_epoch_and_zero_leaves_it_out(tmp_path, source):
    sizes = np.arange(N) % 12
    [one] = open_source("web", source({"cluster_size": sizes}, repeats={"times": {0: 0, 2: 1, 5: 3}}))
    times = np.where(sizes < 2, 0, np.where(sizes < 5, 1, 3))
    assert one.n_tokens == (LENGTHS * times).sum()
    [rows] = documents_of([one], tmp_path)
    assert np.bincount([doc for row in rows for doc in row], minlength=N).tolist() == times.tolist()


def test_sizes_below_the_table_appear_once_as_in_rehydration(source):
    [one] = open_source("web", source({"cluster_size": [1, 2] * (N // 2)}, repeats={"times": {2: 4}}))
    assert one.n_documents == N // 2 * 5


def test_repeats_are_read_from_what_curate_rehydrate_wrote(tmp_path, source):
    (tmp_path / "rehydration.json").write_bytes(sealed({"weights": {"1": 1, "3": 2}}))
    recipe = source({"cluster_size": [1, 3] * (N // 2)}, repeats={"times": str(tmp_path / "rehydration.json")})
    assert recipe.repeats.times == {1: 1, 3: 2}
    assert open_source("web", recipe)[0].n_documents == N // 2 * 3


def test_a_column_can_hold_the_number_of_repeats(source):
    [one] = open_source("web", source({"times": [0, 3] * (N // 2)}, repeats={"column": "times"}))
    assert one.n_documents == N // 2 * 3
    with pytest.raises(MixError, match="column score must hold whole numbers of at least 0"):
        open_source("web", source({"score": SCORES / 2}, repeats={"column": "score"}))


def test_fertility_is_tokens_per_word(source):
    words = np.random.default_rng(5).integers(0, 40, N)
    [one] = open_source("web", source({"n_words": words}, order={"by": "fertility"}))
    ratio = [LENGTHS[doc] / words[doc] if words[doc] else np.inf for doc in one.numbers]
    assert ratio == sorted(ratio)


def test_values_that_look_alike_as_folders_stay_apart(tmp_path, source):
    sources = open_source("web", source({"topic": ["a b", "a/b"] * (N // 2)}, split="topic"))
    assert [one.value for one in sources] == ["a b", "a/b"]
    rows = documents_of(sources, tmp_path)
    assert [{doc % 2 for row in own for doc in row} for own in rows] == [{0}, {1}]


def test_more_groups_than_a_plan_can_number_are_refused(source, monkeypatch):
    monkeypatch.setattr("mix.open.MOST_SOURCES", 100)
    with pytest.raises(MixError, match="source web: column topic has 240 values, and a mix at most 100 sources; split by another"):
        open_source("web", source({"topic": list(range(N))}, split="topic"))


def test_rows_depend_on_the_columns_that_decide_them(tmp_path, source):
    first = open_source("web", source(order={"by": "score"}))
    documents_of(first, tmp_path)
    before = ShardSet(tmp_path / "rows" / "web").manifest
    documents_of(open_source("web", source({"score": -SCORES}, order={"by": "score"})), tmp_path)
    after = ShardSet(tmp_path / "rows" / "web").manifest
    assert before != after and [parent.kind for parent in after.parents] == ["tokens", "tokens", "documents"]
