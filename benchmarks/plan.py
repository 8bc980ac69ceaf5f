"""A plan of trillions of tokens: how long it takes, how much memory it needs, how far any prefix deviates from the requested shares.

    python -m benchmarks.plan [--tokens 10e12] [--sources 50] [--spread 1] [--short 2.5e-5] [--rows 2000000]

Three stages: fixed weights, weights that change linearly, fixed weights again; weights are log-normal with `--spread`. Sources have the size that
one to four epochs need, and a fraction `--short` of their rows is not full (as after packing web-like lengths). Deviation is the largest difference
of any source from its requested real tokens after any row, in full rows, over `--rows` rows: around the beginning, the stage boundaries, the end,
and at random positions. The peers order as many rows of the first stage: the largest deficit counted in rows (the rule of Megatron-LM's blended
datasets, compiled by numba), and independent draws. They store each row's source and number, 10 bytes a row, for all rows.
"""

import argparse
import json
import time
import tracemalloc

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mix.draws import Draws, ShortRows
from mix.preview import count_by_stage
from mix.schedule import Schedule
from mix.shares import Flow, Shares
from mix.source_order import Shuffled, source_key
from mix.stages import StagePlan

_STRETCH = 100_000
_INDEX_BYTES = 10


def main() -> None:
    """Print the measurements; the last line is one JSON object. Seconds are CPU time on one core; the peers' are extrapolated from `--rows` rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--tokens", type=float, default=10e12)
    parser.add_argument("--sources", type=int, default=50)
    parser.add_argument("--spread", type=float, default=1.0, help="standard deviation of the logarithms of weights")
    parser.add_argument("--short", type=float, default=2.5e-5, help="fraction of rows that are not full")
    parser.add_argument("--row-tokens", type=int, default=4096)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wanted, sizes = make_mix(options)
    ours, schedule, draws = plan(wanted, sizes, options.row_tokens)
    ours |= access(schedule, options.seed) | deviations(schedule, draws, wanted, options)
    figures = {"ours": ours} | {name: measure_peer(rule, wanted, schedule.n_rows, options.rows) for name, rule in PEERS.items()}
    for name, values in figures.items():
        print(f"{name:<16} " + "   ".join(f"{key} {value:,.3g}" for key, value in values.items()))
    peer = figures["largest_deficit"]
    agreement = 1.0 if ours["reread_equal"] else 0.0
    print(json.dumps({"ours": ours, "peer": peer, "all": figures, "ratio": peer["seconds"] / ours["seconds"], "agreement": agreement}))


def make_mix(options: argparse.Namespace) -> tuple[Shares, list[tuple[int, ShortRows]]]:
    """Shares of three stages, and rows and short rows of each source."""
    rng = np.random.default_rng(options.seed)
    first, last = (rng.lognormal(0, options.spread, options.sources) for _ in range(2))
    parts = [0.6, 0.2, 0.2]
    begin, end = (np.stack(ends) / np.sum(ends, axis=1, keepdims=True) for ends in ((first, first, last), (first, last, last)))
    wanted = Shares(np.array([float(int(options.tokens * part)) for part in parts]), begin, end)
    sizes = []
    for tokens in wanted.cumulative[-1]:
        n_rows = int(tokens / options.row_tokens / rng.uniform(1, 4)) + 1
        short = np.unique(rng.integers(0, n_rows, rng.poisson(n_rows * options.short)))
        sizes.append((n_rows, ShortRows(short, rng.integers(1, options.row_tokens, len(short)))))
    return wanted, sizes


def plan(wanted: Shares, sizes: list[tuple[int, ShortRows]], row_tokens: int) -> tuple[dict[str, float], Schedule, list[Draws]]:
    """Seconds and peak bytes of planning: the schedule, and rows and tokens of each source in each stage."""

    def planned() -> tuple[Schedule, list[Draws]]:
        draws = [Draws(n_rows, row_tokens, short, Shuffled(n_rows, source_key(0, str(number)))) for number, (n_rows, short) in enumerate(sizes)]
        schedule = Schedule(wanted, draws)
        count_by_stage(schedule, StagePlan(["a", "b", "c"], wanted, np.arange(3), np.zeros(3)))
        return schedule, draws

    begin = time.process_time()
    planned()
    seconds = time.process_time() - begin
    tracemalloc.start()
    schedule, draws = planned()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"rows": schedule.n_rows, "seconds": seconds, "peak_bytes": peak}, schedule, draws


def access(schedule: Schedule, seed: int) -> dict[str, float]:
    """Milliseconds for one row at any position (after a thousand that fill the caches), and rows per second in order."""
    rng = np.random.default_rng(seed)
    for row in rng.integers(0, schedule.n_rows, 1000).tolist():
        schedule.draws(row, row + 1)
    found = []
    for row in rng.integers(0, schedule.n_rows, 1000).tolist():
        begin = time.process_time()
        schedule.draws(row, row + 1)
        found.append(time.process_time() - begin)
    begin = time.process_time()
    n_rows = min(_STRETCH, schedule.n_rows)
    for row in range(0, n_rows, 512):
        schedule.draws(row, min(row + 512, n_rows))
    return {
        "any_row_milliseconds": float(np.median(found)) * 1000,
        "any_row_milliseconds_99": float(np.quantile(found, 0.99)) * 1000,
        "rows_per_second": n_rows / (time.process_time() - begin),
    }


def deviations(schedule: Schedule, draws: list[Draws], wanted: Shares, options: argparse.Namespace) -> dict[str, float]:
    """The largest deviation in rows, where weights are fixed and where they change; and whether a second reading gives the same rows."""
    rng = np.random.default_rng(options.seed + 1)
    joins = [schedule.row_at(bound) - _STRETCH // 2 for bound in wanted.bounds[1:-1].tolist()]
    starts = [0, schedule.n_rows - _STRETCH, *joins, *rng.integers(0, max(schedule.n_rows - _STRETCH, 1), max(options.rows // _STRETCH - 4, 0)).tolist()]
    fixed, moving, checked, equal = 0.0, 0.0, 0, True
    for start in starts:
        start = min(max(start, 0), schedule.n_rows)
        stop = min(start + _STRETCH, schedule.n_rows)
        source, draw = schedule.draws(start, stop)
        row = int(rng.integers(start, stop))
        equal &= Schedule(wanted, draws).draws(row, row + 1)[0][0] == source[row - start]
        worst, position = deviation(source, draw, schedule.state(start).given, draws, wanted)
        in_moving = (position > wanted.bounds[1]) & (position <= wanted.bounds[2])
        fixed = max(fixed, worst[~in_moving].max(initial=0) / options.row_tokens)
        moving = max(moving, worst[in_moving].max(initial=0) / options.row_tokens)
        checked += stop - start
    return {"max_error_rows": fixed, "max_error_rows_moving": moving, "rows_checked": checked, "reread_equal": float(equal)}


def deviation(
    source: NDArray[np.int16], draw: NDArray[np.int64], before: NDArray[np.int64], draws: list[Draws], wanted: Shares
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) largest |tokens given − tokens requested| of any source after each row, and (n,) positions."""
    tokens = np.empty(len(source))
    for number in np.unique(source).tolist():
        mine = draw[source == number]
        tokens[source == number] = draws[number].lengths(int(mine[0]), int(mine[-1]) + 1)
    position = before.sum() + np.cumsum(tokens)
    flow, worst = Flow(wanted), np.zeros(len(source))
    asked = np.stack([flow.asked(at) for at in position.tolist()])
    for number, given in enumerate(before.tolist()):
        np.maximum(worst, np.abs(given + np.cumsum(np.where(source == number, tokens, 0)) - asked[:, number]), out=worst)
    return worst, position


def measure_peer(rule, wanted: Shares, n_rows: int, sample: int) -> dict[str, float]:  # type: ignore[no-untyped-def]
    """Deviation of a rule over the first `sample` rows, all full, and its cost for all rows."""
    share = wanted.begin[0]
    rule(share, 10)
    begin = time.process_time()
    source = rule(share, sample)
    seconds = time.process_time() - begin
    after, worst = np.arange(1, sample + 1), 0.0
    for number, part in enumerate(share):
        worst = max(worst, float(np.abs(np.cumsum(source == number) - part * after).max()))
    return {"seconds": seconds * n_rows / sample, "peak_bytes": _INDEX_BYTES * n_rows, "max_error_rows": worst}


@njit(cache=True)
def largest_deficit(share, n_rows):  # type: ignore[no-untyped-def]
    """Each row from the source whose share of the rows so far is furthest below its target."""
    given, sources = np.zeros(len(share)), np.empty(n_rows, np.int16)
    for row in range(n_rows):
        best = 0
        for source in range(1, len(share)):
            if share[source] * max(row, 1) - given[source] > share[best] * max(row, 1) - given[best]:
                best = source
        sources[row] = best
        given[best] += 1
    return sources


def independent(share: NDArray[np.float64], n_rows: int) -> NDArray[np.int64]:
    """Each row from a source drawn at random by share."""
    return np.random.default_rng(0).choice(len(share), n_rows, p=share)


PEERS = {"largest_deficit": largest_deficit, "independent": independent}


if __name__ == "__main__":
    main()
