from fractions import Fraction
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mix.draws import Draws, short_rows
from mix.schedule import BLOCK_ROWS, WHOLE_ROWS, Schedule
from mix.shares import Flow
from mix.source_order import Shuffled
from tests.mix.conftest import shares

ROW = 64


def a_schedule(wanted, sizes, row_tokens=ROW, whole_rows=WHOLE_ROWS):
    """Sources whose rows have `sizes[source]` real tokens."""
    draws = [Draws(len(size), row_tokens, short_rows(size, row_tokens), Shuffled(len(size), number)) for number, size in enumerate(sizes)]
    with patch("mix.schedule.WHOLE_ROWS", whole_rows):
        return Schedule(wanted, draws), draws


def rows_of(schedule, draws, start=0, stop=None):
    """Sources and real tokens of rows of the run."""
    source, draw = schedule.draws(start, schedule.n_rows if stop is None else stop)
    tokens = np.zeros(len(source), np.int64)
    for number in np.unique(source).tolist():
        mine = draw[source == number]
        tokens[source == number] = draws[number].lengths(int(mine[0]), int(mine[-1]) + 1)
    return source, tokens


def deviations(wanted, source, tokens, before=0):
    """(n_rows, n_sources): tokens given less tokens asked after each row."""
    given_ = np.zeros((len(source), wanted.begin.shape[1]))
    given_[np.arange(len(source)), source] = tokens
    given_ = before + np.cumsum(given_, axis=0)
    flow = Flow(wanted)
    return given_ - np.stack([flow.asked(position) for position in given_.sum(axis=1).tolist()])


def wild_mix(rng, n_sources, n_stages, linear, full_rows):
    weights = rng.lognormal(0, 3, (n_stages, n_sources, 2)) * (rng.random((n_stages, n_sources, 2)) < 0.8)
    weights[:, 0] += 1e-4
    if not linear:
        weights[:, :, 1] = weights[:, :, 0]
    sizes = [np.full(1, ROW) if full_rows else rng.integers(1, ROW + 1, 997) for _ in range(n_sources)]
    return shares(rng.integers(100, 50_000, n_stages), weights), sizes


mixes = (st.integers(1, 50), st.integers(1, 3), st.booleans(), st.booleans(), st.integers(0, 1 << 30))


@settings(max_examples=60, deadline=None)
@given(*mixes)
def test_every_prefix_has_its_shares_to_within_one_row(n_sources, n_stages, linear, full_rows, seed):
    wanted, sizes = wild_mix(np.random.default_rng(seed), n_sources, n_stages, linear, full_rows)
    schedule, draws = a_schedule(wanted, sizes)
    source, tokens = rows_of(schedule, draws)
    assert np.abs(deviations(wanted, source, tokens)[:-1]).max(initial=0) <= ROW + 1e-6
    assert tokens.sum() >= wanted.bounds[-1] > tokens.sum() - ROW


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("uneven", [False, True])
def test_every_prefix_of_a_long_run_has_its_shares_to_within_one_row(linear, uneven):
    rng = np.random.default_rng(7)
    weights = rng.lognormal(0, 1, (3, 30, 2))
    if not linear:
        weights[:, :, 1] = weights[:, :, 0]
    sizes = [rng.integers(ROW // 2, ROW + 1, 997) if uneven and number % 5 == 0 else np.full(50, ROW) for number in range(30)]
    wanted = shares([10**12, 10**11, 10**12], weights)
    schedule, draws = a_schedule(wanted, sizes)
    for start in [*rng.integers(0, schedule.n_rows - 4000, 5).tolist(), schedule.row_at(10**12) - 2000]:
        source, tokens = rows_of(schedule, draws, start, start + 4000)
        assert np.abs(deviations(wanted, source, tokens, schedule.state(start).given)).max() <= ROW


@settings(max_examples=20, deadline=None)
@given(*mixes)
def test_any_row_is_the_same_whatever_was_read_before(n_sources, n_stages, linear, full_rows, seed):
    rng = np.random.default_rng(seed)
    wanted, sizes = wild_mix(rng, n_sources, n_stages, linear, full_rows)
    whole = a_schedule(wanted, sizes, whole_rows=0)[0]
    source, draw = whole.draws(0, whole.n_rows)
    for start in rng.integers(0, whole.n_rows, 5).tolist():
        part = a_schedule(wanted, sizes, whole_rows=0)[0].draws(start, min(start + 700, whole.n_rows))
        assert np.array_equal(part[0], source[start : start + 700]) and np.array_equal(part[1], draw[start : start + 700])


@settings(max_examples=20, deadline=None)
@given(*mixes)
def test_each_source_is_drawn_in_turn_and_states_count_what_was_given(n_sources, n_stages, linear, full_rows, seed):
    rng = np.random.default_rng(seed)
    wanted, sizes = wild_mix(rng, n_sources, n_stages, linear, full_rows)
    schedule, draws = a_schedule(wanted, sizes, whole_rows=0)
    source, draw = schedule.draws(0, schedule.n_rows)
    _, tokens = rows_of(schedule, draws)
    for number in range(n_sources):
        assert np.array_equal(draw[source == number], np.arange((source == number).sum()))
    for row in {0, schedule.n_rows, *rng.integers(0, schedule.n_rows + 1, 5).tolist()}:
        drawn, given_, _, _ = schedule.state(row)
        assert drawn.tolist() == np.bincount(source[:row], minlength=n_sources).tolist()
        assert given_.tolist() == np.bincount(source[:row], tokens[:row], minlength=n_sources).tolist()
        begins = np.cumsum(tokens) - tokens
        assert schedule.row_at(given_.sum()) == np.searchsorted(begins, given_.sum()) == row


@pytest.mark.parametrize("seed", range(5))
def test_rows_of_a_block_are_those_of_the_rule_in_exact_arithmetic(seed):
    rng = np.random.default_rng(seed)
    wanted = shares([2 * ROW * WHOLE_ROWS], [[(weight, weight) for weight in rng.random(6)]])
    schedule, draws = a_schedule(wanted, [rng.integers(1, ROW + 1, 100) for _ in range(6)])
    rates = [Fraction(share) for share in wanted.begin[0]]
    before, after = schedule.state(BLOCK_ROWS), schedule.state(2 * BLOCK_ROWS)
    drawn, given_ = before.drawn.tolist(), before.given.tolist()
    expected = []
    for _ in range(BLOCK_ROWS):
        open_ = [s for s in range(6) if drawn[s] < after.drawn[s]]
        released = [s for s in open_ if given_[s] / rates[s] <= sum(given_)] or [min(open_, key=lambda s: given_[s] / rates[s])]
        source = min(released, key=lambda s: (given_[s] + int(draws[s].lengths(drawn[s], drawn[s] + 1)[0])) / rates[s])
        given_[source] += int(draws[source].lengths(drawn[source], drawn[source] + 1)[0])
        drawn[source] += 1
        expected.append(source)
    assert schedule.draws(BLOCK_ROWS, 2 * BLOCK_ROWS)[0].tolist() == expected


def test_a_source_with_a_millionth_of_the_tokens_gets_its_rows_on_time():
    wanted = shares([3_000_000 * 8], [[(1 - 1e-6, 1 - 1e-6), (1e-6, 1e-6)]])
    schedule, _ = a_schedule(wanted, [np.full(1, 8)] * 2, row_tokens=8)
    source, _ = schedule.draws(0, schedule.n_rows)
    assert (source == 1).sum() == 3
    assert np.abs(np.flatnonzero(source == 1) - 1_000_000 * np.arange(3)).max() < 1_000_001


def test_a_linear_weight_gives_the_middle_share_over_the_stage_and_its_ends_at_the_ends():
    wanted = shares([1_000_000], [[(1, 1), (0, 1)]])
    schedule, _ = a_schedule(wanted, [np.full(1, 10)] * 2, row_tokens=10)
    source, _ = schedule.draws(0, schedule.n_rows)
    assert abs(10 * (source == 1).sum() - 250_000) <= 10
    assert (source[:1000] == 1).mean() < 0.01 and abs((source[-1000:] == 1).mean() - 0.5) < 0.01


def test_stages_follow_each_other_and_a_source_without_weight_is_not_drawn():
    wanted = shares([6400, 6400], [[(1, 1), (0, 0), (0, 0)], [(0, 0), (3, 3), (0, 0)]])
    schedule, _ = a_schedule(wanted, [np.full(1, ROW)] * 2 + [np.empty(0, np.int64)])
    assert schedule.draws(0, schedule.n_rows)[0].tolist() == [0] * 100 + [1] * 100


def test_ten_trillion_tokens_are_planned_and_read_anywhere_without_a_table_of_their_rows():
    rng = np.random.default_rng(0)
    wanted = shares([10**13], [[(weight, weight) for weight in rng.lognormal(0, 1, 50)]])
    schedule, _ = a_schedule(wanted, [np.full(1000, 4096)] * 50, row_tokens=4096)
    assert schedule.n_rows == -(-(10**13) // 4096)
    source, _ = schedule.draws(10**9, 10**9 + 5000)
    assert np.abs(deviations(wanted, source, np.full(5000, 4096), schedule.state(10**9).given)).max() <= 4096
    assert len(schedule._coarse) + len(schedule._fine) < 200
