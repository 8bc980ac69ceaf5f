import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mix.order import drawn_rows, places_of, rows_at, source_key
from mix.plan import BLOCK_ROWS, BLOCKS, Plan, PlanSource
from mix.schedule import schedule
from mix.shares import shares


def a_plan(n_rows: int, source_rows: tuple[int, ...]) -> Plan:
    weights = [[(1 + index, 1 + index) for index in range(len(source_rows))]]
    blocks = list(schedule(shares([n_rows], weights), lambda source, position, count: np.ones(count, np.int64)))
    columns = {name: [getattr(block, name) for block in blocks] for name in BLOCKS.names}
    sources = tuple(PlanSource(f"s{index}", "", rows, rows) for index, rows in enumerate(source_rows))
    return Plan(5, 1, n_rows, n_rows, sources, (), "", (), pa.table(columns, schema=BLOCKS))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 1 << 40), st.integers(0, 1 << 50), st.integers(0, (1 << 64) - 1)), min_size=1, max_size=20))
def test_a_row_and_its_epoch_tell_its_draw_for_sources_of_any_size(draws):
    n_rows, draw = np.array([n for n, _, _ in draws]), np.array([draw for _, draw, _ in draws])
    keys = np.array([key for _, _, key in draws], np.uint64)
    epoch, row = drawn_rows(draw, n_rows, keys)
    assert np.array_equal(epoch * n_rows + places_of(epoch, row, n_rows, keys), draw)


def test_every_epoch_gives_every_row_once_in_another_order():
    epochs, rows = drawn_rows(np.arange(4000), 1000, source_key(0, "web"))
    assert epochs.tolist() == [number // 1000 for number in range(4000)]
    orders = rows.reshape(4, 1000)
    assert all(np.array_equal(np.sort(order), np.arange(1000)) for order in orders)
    assert all((orders[i] == orders[j]).sum() < 10 for i in range(4) for j in range(i))


def test_the_order_looks_random():
    rows = drawn_rows(np.arange(10_000), 10_000, source_key(1, "web"))[1]
    assert abs(np.corrcoef(rows[:-1], rows[1:])[0, 1]) < 0.04
    assert abs(np.corrcoef(rows, np.arange(10_000))[0, 1]) < 0.04
    # Neighbours stay neighbours for two of 10,000 in a random order.
    assert (np.abs(np.diff(rows)) == 1).sum() < 12


def test_seed_and_name_each_give_another_order():
    orders = [drawn_rows(np.arange(500), 500, source_key(seed, name))[1].tolist() for seed, name in [(0, "a"), (1, "a"), (0, "b")]]
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_any_stretch_of_the_run_is_that_of_the_whole():
    plan = a_plan(2 * BLOCK_ROWS + 100, (700, 13, 5000))
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
        epochs, rows = drawn_rows(np.arange(mine.sum()), n_rows, source_key(5, name))
        assert np.array_equal(refs.row[mine], rows) and np.array_equal(refs.epoch[mine], epochs)
