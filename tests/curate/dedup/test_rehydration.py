import numpy as np
import pytest

from curate.dedup.rehydration import distribution, look_up, repeats, weights


def slow_repeats(rates: list[float], overall: float, most: int) -> list[int]:
    """FineWeb2's rule, size by size, for at least five sizes."""
    exact = [1.0 if rate >= overall else 1 + (most - 1) * (rate - overall) / (min(rates) - overall) for rate in rates]
    smooth = [np.mean(exact[place - 2 : place + 3]) if 2 <= place < len(rates) - 2 else exact[place] for place in range(len(rates))]
    return [round(value) for value in smooth]


@pytest.mark.parametrize("seed", range(30))
def test_repeats_follow_the_published_rule(seed):
    rng = np.random.default_rng(seed)
    rates = rng.uniform(0, 100, int(rng.integers(5, 60)))
    assert repeats(rates, 60.0, 10).tolist() == slow_repeats(rates.tolist(), 60.0, 10)


def test_the_best_size_is_seen_most_and_sizes_no_better_than_all_together_once():
    assert repeats(np.array([0.5, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.9, 0.9]), 0.5, 7).tolist() == [1, 7, 6, 7, 7, 6, 5, 1, 1]
    assert repeats(np.full(6, 0.3), 0.3, 10).tolist() == [1] * 6


def test_weights_name_the_sizes_where_repeats_change_and_hold_up_to_the_next():
    table = weights(np.array([1, 2, 3, 5, 9]), np.array([1, 3, 3, 2, 2]))
    assert table == {1: 1, 2: 3, 5: 2}
    assert look_up(table, np.array([1, 2, 4, 5, 8, 1000])).tolist() == [1, 3, 3, 2, 2, 2]


def test_rates_are_counted_by_size_and_the_rare_largest_sizes_together():
    sizes = np.array([1] * 20 + [2] * 10 + [3] * 12 + [7] * 4 + [40] * 5 + [900])
    removed = np.array([True] * 5 + [False] * 15 + [True] * 10 + [False] * 12 + [True, False] * 5)
    found = distribution(sizes, removed)
    assert found.sizes.tolist() == [1, 2, 3, 7] and found.survivors.tolist() == [20, 10, 12, 10] and found.removed.tolist() == [5, 10, 0, 5]
    assert found.rates.tolist() == [0.25, 1.0, 0.0, 0.5] and found.overall_rate == 20 / 52


def test_a_handful_of_documents_is_one_group():
    assert distribution(np.array([1, 4, 2]), np.array([True, False, False])).survivors.tolist() == [3]
