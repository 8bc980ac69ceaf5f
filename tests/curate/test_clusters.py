import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup.clusters import cluster_sizes, components, merge_labels

N_DOCS = 12
PAIRS = st.lists(st.tuples(st.integers(0, N_DOCS - 1), st.integers(0, N_DOCS - 1)), max_size=15)


def slow_components(n_docs: int, pairs: list[tuple[int, int]]) -> list[int]:
    labels = list(range(n_docs))
    for _ in range(n_docs):
        for left, right in pairs:
            labels[left] = labels[right] = min(labels[left], labels[right])
    return labels


def as_array(pairs: list[tuple[int, int]]) -> np.ndarray:
    return np.array(pairs, np.int64).reshape(-1, 2)


@given(PAIRS)
def test_a_label_is_the_smallest_document_of_the_cluster(pairs):
    assert components(N_DOCS, as_array(pairs)).tolist() == slow_components(N_DOCS, pairs)


@given(PAIRS, st.randoms())
def test_the_order_of_pairs_changes_nothing(pairs, chance):
    shuffled = [pair[::-1] for pair in pairs]
    chance.shuffle(shuffled)
    assert np.array_equal(components(N_DOCS, as_array(pairs)), components(N_DOCS, as_array(shuffled)))


def test_a_long_chain_is_one_cluster():
    n_docs = 200_000
    chain = np.stack([np.arange(1, n_docs), np.arange(n_docs - 1)], 1)
    assert not components(n_docs, chain[::-1]).any()


def test_sizes_count_the_documents_of_a_cluster():
    assert cluster_sizes(components(5, as_array([(1, 3), (3, 4)]))).tolist() == [1, 3, 1, 3, 3]
    assert cluster_sizes(components(0, as_array([]))).tolist() == []


@given(PAIRS, PAIRS)
def test_merged_labels_are_those_of_all_pairs_together(some, others):
    merged = merge_labels(components(N_DOCS, as_array(some)), components(N_DOCS, as_array(others)))
    assert np.array_equal(merged, components(N_DOCS, as_array(some + others)))
