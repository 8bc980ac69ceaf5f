import numpy as np
import pytest

from curate.dedup.occurrences import Frequent, passes_for, surplus_occurrences

CHUNKS = [np.random.default_rng(seed).integers(0, 40, 200, dtype=np.uint64) for seed in range(3)]


def slow(keep: int, ignored: int | None) -> list[bool]:
    keys = np.concatenate(CHUNKS).tolist()
    if keep == 0:
        return [keys.count(key) > 1 and key != ignored for key in keys]
    return [keys[:i].count(key) >= keep and key != ignored for i, key in enumerate(keys)]


@pytest.mark.parametrize("keep", [0, 1, 3])
@pytest.mark.parametrize("memory_bytes", [1 << 20, 900])
def test_occurrences_after_the_allowed_ones_are_marked_whatever_the_memory(keep: int, memory_bytes: int) -> None:
    assert passes_for(600, 900) > 30
    ranks = surplus_occurrences(lambda: CHUNKS, keep, memory_bytes=memory_bytes, ignored=7)
    assert ranks.surplus.tolist() == slow(keep, 7)


@pytest.mark.parametrize("memory_bytes", [1 << 20, 900])
def test_the_most_frequent_keys_come_with_their_counts_and_first_places(memory_bytes: int) -> None:
    keys = np.concatenate(CHUNKS).tolist()
    expected = sorted((-keys.count(key), key) for key in set(keys))[:5]
    found = surplus_occurrences(lambda: CHUNKS, 1, n_frequent=5, memory_bytes=memory_bytes).frequent
    assert found == [Frequent(key, -count, keys.index(key)) for count, key in expected]


def test_an_empty_stream_has_nothing_to_mark() -> None:
    assert len(surplus_occurrences(lambda: [np.empty(0, np.uint64)]).surplus) == 0
