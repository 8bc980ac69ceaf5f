import numpy as np
import pytest

from curate.dedup.keep import choose
from curate.errors import CurateError

LABELS = np.array([0, 1, 0, 3, 1, 0])


def test_first_keeps_the_smallest_document_number_of_each_cluster():
    assert choose(LABELS, None, "first").tolist() == [True, True, False, True, False, False]


def test_longest_keeps_the_longest_and_the_first_among_equals():
    lengths = np.array([5, 7, 9, 1, 7, 9], np.uint32)
    assert choose(LABELS, lengths, "longest").tolist() == [False, True, True, True, False, False]


def test_best_keeps_the_highest_score_and_never_a_missing_one_if_there_is_another():
    scores = np.array([np.nan, np.nan, -np.inf, np.nan, -3.0, -5.0])
    assert choose(LABELS, scores, "best").tolist() == [False, False, False, True, True, True]


@pytest.mark.parametrize("policy", ["first", "longest"])
def test_each_cluster_keeps_exactly_one(policy):
    labels = np.random.default_rng(0).integers(0, 50, 500)
    kept = choose(np.array([np.flatnonzero(labels == label)[0] for label in labels]), np.arange(500) % 7, policy)
    assert np.array_equal(np.sort(labels[kept]), np.unique(labels))


def test_no_documents_are_no_choice():
    assert choose(np.empty(0, np.int64), np.empty(0), "best").tolist() == []


def test_an_unknown_policy_and_a_missing_score_are_refused_by_name():
    with pytest.raises(CurateError, match="oldest: unknown; known are first, longest, best"):
        choose(LABELS, None, "oldest")
    with pytest.raises(CurateError, match="best: needs a score"):
        choose(LABELS, None, "best")
