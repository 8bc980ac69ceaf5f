import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup.clusters import components, join_equal, labels, roots_by_size, singletons

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


def slow_roots_by_size(n_docs: int, pairs: list[tuple[int, int]]) -> list[int]:
    trees = {doc: [doc] for doc in range(n_docs)}
    root = list(range(n_docs))
    for left, right in pairs:
        winner, loser = root[left], root[right]
        if winner == loser:
            continue
        if len(trees[winner]) < len(trees[loser]):
            winner, loser = loser, winner
        trees[winner] += trees.pop(loser)
        for doc in trees[winner]:
            root[doc] = winner
    return root


@given(PAIRS)
def test_datatroves_survivor_is_the_root_of_the_larger_tree_and_of_the_first_in_a_tie(pairs):
    assert roots_by_size(N_DOCS, as_array(pairs)).tolist() == slow_roots_by_size(N_DOCS, pairs)


@given(st.lists(st.integers(0, 5), min_size=N_DOCS, max_size=N_DOCS))
def test_documents_with_equal_keys_are_joined(numbers):
    parent, keys = singletons(N_DOCS), np.array(numbers, np.uint64)
    join_equal(parent, keys, np.arange(N_DOCS), np.argsort(keys))
    assert labels(parent).tolist() == [numbers.index(number) for number in numbers]
