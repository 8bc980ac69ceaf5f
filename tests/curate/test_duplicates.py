import numpy as np

from curate.dedup.minhash import MinHashParams
from curate.duplicates import Corpus, Signatures, estimated_jaccard, exact_copies, near_copies


def corpus(words: list[int], n_bytes: list[int]) -> Corpus:
    ids = np.array([(word, 0) for word in words], dtype=np.uint64)
    return Corpus(ids, np.array(n_bytes), np.ones(len(words), dtype=np.int64))


def test_exact_copies_go_and_the_survivor_stands_for_them() -> None:
    found = corpus([5, 7, 5, 5, 9], [10, 10, 10, 10, 10])
    copies = exact_copies(found, np.arange(5), "longest")
    assert copies.dropped.tolist() == [2, 3] and copies.twin.tolist() == [0, 0]
    assert found.cluster_size[[0, 1, 4]].tolist() == [3, 1, 1]


def test_only_the_given_documents_take_part() -> None:
    found = corpus([5, 5, 5], [1, 1, 1])
    copies = exact_copies(found, np.array([1, 2]), "first")
    assert copies.dropped.tolist() == [2] and copies.twin.tolist() == [1] and found.cluster_size[:2].tolist() == [1, 2]


def test_near_copies_count_the_exact_copies_they_stood_for() -> None:
    params = MinHashParams(buckets=2, hashes=2)
    values = np.array([[1, 2, 3, 4], [1, 2, 9, 9], [6, 6, 9, 9], [0, 0, 0, 0]], dtype=np.uint64)
    signatures = Signatures(values, np.array([True, True, True, False]), params)
    found = corpus([1, 2, 3, 4], [10, 30, 20, 5])
    found.cluster_size[:] = [2, 1, 3, 1]
    copies = near_copies(found, np.arange(4), signatures, "longest")
    assert copies.dropped.tolist() == [0, 2] and copies.twin.tolist() == [1, 1]
    assert found.cluster_size[[1, 3]].tolist() == [6, 1]
    assert estimated_jaccard(signatures, copies).tolist() == [0.5, 0.5]


def test_no_documents_give_no_copies() -> None:
    nothing = corpus([], [])._replace(ids=np.empty((0, 2), np.uint64), n_bytes=np.empty(0, np.int64))
    assert exact_copies(nothing, np.empty(0, np.int64), "longest").dropped.tolist() == []
