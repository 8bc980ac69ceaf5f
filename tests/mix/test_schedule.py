from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mix.plan import BLOCK_ROWS
from mix.schedule import schedule
from mix.shares import asked, shares


def run(shares_, sizes):
    """Sources and real tokens of all rows; `sizes[source]` are its rows' tokens, over and over."""
    blocks = list(schedule(shares_, lambda source, position, count: sizes[source][np.arange(position, position + count) % len(sizes[source])]))
    return np.concatenate([block.sources for block in blocks]), np.concatenate([block.tokens for block in blocks]), blocks


def deviations(shares_, sources, tokens):
    """(n_rows, n_sources): tokens given less tokens asked after each row."""
    given_ = np.zeros((len(sources), shares_.begin.shape[1]))
    given_[np.arange(len(sources)), sources] = tokens
    return np.cumsum(given_, axis=0) - asked(shares_, np.cumsum(tokens))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 50), st.integers(1, 3), st.booleans(), st.booleans(), st.integers(0, 1 << 30))
def test_every_prefix_has_its_shares_to_within_one_row(n_sources, n_stages, linear, full_rows, seed):
    rng = np.random.default_rng(seed)
    weights = rng.lognormal(0, 3, (n_stages, n_sources, 2)) * (rng.random((n_stages, n_sources, 2)) < 0.8)
    weights[:, 0] += 1e-4
    if not linear:
        weights[:, :, 1] = weights[:, :, 0]
    sizes = [np.full(1, 64) if full_rows else rng.integers(1, 65, 997) for _ in range(n_sources)]
    wanted = shares(rng.integers(100, 50_000, n_stages), weights)
    sources, tokens, _ = run(wanted, sizes)
    assert np.abs(deviations(wanted, sources, tokens)[:-1]).max(initial=0) <= 64 + 1e-6
    assert tokens.sum() >= wanted.bounds[-1] > tokens[:-1].sum()


def test_a_source_of_a_millionth_gets_its_rows_when_they_are_due():
    wanted = shares([3_000_000 * 8], [[(1 - 1e-6, 1 - 1e-6), (1e-6, 1e-6)]])
    sources, _, _ = run(wanted, [np.full(1, 8)] * 2)
    assert (sources == 1).sum() == 3
    assert np.abs(np.flatnonzero(sources == 1) - 1_000_000 * np.arange(3)).max() < 1_000_001


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_those_of_the_definition_in_exact_arithmetic(seed):
    rng = np.random.default_rng(seed)
    wanted = shares([20_000], [[(weight, weight) for weight in rng.random(6)]])
    sizes = [rng.integers(1, 65, 100) for _ in range(6)]
    rates = [Fraction(share) for share in wanted.begin[0]]
    expected, position, given_, drawn = [], 0, [0] * 6, [0] * 6

    def flow_ends(source):
        end = Fraction(given_[source] + int(sizes[source][drawn[source] % 100])) / rates[source]
        return end if end < 20_000 else float("inf")

    while position < 20_000:
        source = min((s for s in range(6) if given_[s] <= position * rates[s] + Fraction(1, 10**9)), key=lambda s: (flow_ends(s), s))
        size = int(sizes[source][drawn[source] % 100])
        position, given_[source], drawn[source] = position + size, given_[source] + size, drawn[source] + 1
        expected.append(source)
    assert run(wanted, sizes)[0].tolist() == expected


def test_a_linear_weight_gives_the_middle_share_over_the_stage_and_its_ends_at_the_ends():
    wanted = shares([1_000_000], [[(1, 1), (0, 1)]])
    sources, tokens, _ = run(wanted, [np.full(1, 10)] * 2)
    assert abs(tokens[sources == 1].sum() - 250_000) <= 10
    assert (sources[:1000] == 1).mean() < 0.01 and abs((sources[-1000:] == 1).mean() - 0.5) < 0.01


def test_stages_follow_each_other_and_a_source_without_weight_is_not_drawn():
    wanted = shares([6400, 6400], [[(1, 1), (0, 0), (0, 0)], [(0, 0), (3, 3), (0, 0)]])
    sources, _, _ = run(wanted, [np.full(1, 64)] * 3)
    assert sources.tolist() == [0] * 100 + [1] * 100


def test_blocks_are_full_and_tell_what_came_before_them():
    wanted = shares([64 * (2 * BLOCK_ROWS + 5)], [[(2, 2), (1, 1)]])
    sources, tokens, blocks = run(wanted, [np.full(1, 64), np.array([60, 64])])
    assert [len(block.sources) for block in blocks][:2] == [BLOCK_ROWS] * 2 and len(blocks) == 3
    for number, block in enumerate(blocks):
        before = slice(0, number * BLOCK_ROWS)
        assert block.rows_before.tolist() == np.bincount(sources[before], minlength=2).tolist()
        assert block.tokens_before.tolist() == np.bincount(sources[before], tokens[before], minlength=2).tolist()
