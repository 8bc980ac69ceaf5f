import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mix.order import rows_at
from mix.plan import SHORT_ROWS, Plan, PlanPiece, PlanSource, PlanStage
from mix.schedule import BLOCK_ROWS, WHOLE_ROWS
from mix.source_order import Shuffled, source_key


def a_plan(n_rows: int, source_rows: tuple[int, ...]) -> Plan:
    weights = np.arange(1, len(source_rows) + 1) / sum(range(len(source_rows) + 1))
    sources = tuple(PlanSource(f"s{index}", 1, "", rows, rows) for index, rows in enumerate(source_rows))
    piece = PlanPiece(n_rows, tuple(weights), tuple(weights))
    stage = PlanStage("all", 1, n_rows, 0, piece.begin, piece.end)
    return Plan(5, 1, n_rows, n_rows, sources, (stage,), (piece,), "", (), SHORT_ROWS.empty_table())


def drawn(n_rows: int, key: int, n_draws: int) -> tuple[np.ndarray, np.ndarray]:
    epoch, place = np.divmod(np.arange(n_draws), n_rows)
    return epoch, Shuffled(n_rows, key).rows_of(place, epoch)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 1 << 40), st.integers(0, (1 << 64) - 1), st.lists(st.integers(0, 1 << 50), min_size=1, max_size=20))
def test_positions_of_rows_are_the_inverse_of_rows_at_positions_at_any_size(n_rows, key, draws):
    epoch, place = np.divmod(np.array(draws), n_rows)
    order = Shuffled(n_rows, key)
    assert np.array_equal(order.positions_of(order.rows_of(place, epoch), epoch), place)


def test_every_epoch_gives_every_row_once_in_another_order():
    epochs, rows = drawn(1000, source_key(0, "web"), 4000)
    assert epochs.tolist() == [number // 1000 for number in range(4000)]
    orders = rows.reshape(4, 1000)
    assert all(np.array_equal(np.sort(order), np.arange(1000)) for order in orders)
    assert all((orders[i] == orders[j]).sum() < 10 for i in range(4) for j in range(i))


def test_the_order_looks_random():
    rows = drawn(10_000, source_key(1, "web"), 10_000)[1]
    assert abs(np.corrcoef(rows[:-1], rows[1:])[0, 1]) < 0.04
    assert abs(np.corrcoef(rows, np.arange(10_000))[0, 1]) < 0.04
    # Neighbours stay neighbours for two of 10,000 in a random order.
    assert (np.abs(np.diff(rows)) == 1).sum() < 12


def test_seed_and_name_both_change_the_order():
    orders = [drawn(500, source_key(seed, name), 500)[1].tolist() for seed, name in [(0, "a"), (1, "a"), (0, "b")]]
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_any_slice_of_the_run_equals_that_slice_of_the_whole():
    plan = a_plan(WHOLE_ROWS + BLOCK_ROWS + 100, (700, 13, 5000))
    whole = rows_at(plan, 0, plan.n_rows)
    rng = np.random.default_rng(0)
    stretches = [(0, 0), (0, 1), (BLOCK_ROWS, BLOCK_ROWS), (BLOCK_ROWS - 1, BLOCK_ROWS + 1), (7, plan.n_rows), (plan.n_rows, plan.n_rows)]
    for start, stop in [*stretches, *np.sort(rng.integers(0, plan.n_rows, (40, 2)), axis=1).tolist()]:
        for part, all_ in zip(rows_at(plan, start, stop), whole, strict=True):
            assert np.array_equal(part, all_[start:stop])


def test_draws_of_a_source_run_through_its_epochs_in_order():
    plan = a_plan(20_000, (700, 13, 5000))
    refs = rows_at(plan, 0, 20_000)
    for source, (name, n_rows) in enumerate([("s0", 700), ("s1", 13), ("s2", 5000)]):
        mine = refs.source == source
        epochs, rows = drawn(n_rows, source_key(5, name), mine.sum())
        assert np.array_equal(refs.row[mine], rows) and np.array_equal(refs.epoch[mine], epochs)
