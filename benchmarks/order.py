"""The order of a mix: how far prefixes stray from the asked shares, and how fast the order is made and read.

    python -m benchmarks.order [--rows N] [--sources S]

Deviation is the largest distance of any source from its asked real tokens after any row, in full rows. It is measured twice: with full rows
everywhere, and with every fifth source's rows filled unevenly from half to whole, as unpacked or very small sources fill them. Weights are
log-normal. The peers draw each row independently (as sampling mixers do), or by the largest deficit counted in rows (the rule of
Megatron-LM's blended datasets), or by the same counted in tokens; the deficit rules are compiled by numba like ours.
"""

import argparse
import json
import time

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from mix.order import drawn_rows, rows_at, source_key
from mix.plan import BLOCKS, Plan, PlanSource
from mix.schedule import schedule
from mix.shares import Shares, asked, shares

ROW_TOKENS = 1024
SOURCE_ROWS = 1000
BATCH_ROWS = 512


def main() -> None:
    """Print what was measured; the last line is one JSON object, speeds in rows per second on one core, ratio of deviations with full rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--sources", type=int, default=20)
    options = parser.parse_args()
    figures: dict[str, dict[str, float]] = {name: {} for name in ("ours", *PEERS)}
    for fill in ("full", "uneven"):
        wanted, lengths = make_mix(options.rows, options.sources, uneven=fill == "uneven")
        plan, tokens, seconds = build_plan(wanted, lengths)
        order, read = measure_reading(plan)
        figures["ours"] |= {f"deviation_{fill}_rows": deviation(wanted, order, tokens), "build_rows_per_second": plan.n_rows / seconds} | read
        for name, rule in PEERS.items():
            figures[name] |= measure_peer(rule, wanted, lengths, plan.n_rows, fill)
    for name, values in figures.items():
        print(f"{name:<26} " + "   ".join(f"{key} {value:,.2f}" for key, value in values.items()))
    peer = figures["largest_deficit_in_rows"]
    same = float(np.mean(order == np.concatenate([block.values.to_numpy() for block in plan.blocks.column("sources")])))
    ratio = peer["deviation_full_rows"] / figures["ours"]["deviation_full_rows"]
    print(json.dumps({"ours": figures["ours"], "peer": peer, "all": figures, "ratio": ratio, "agreement": same}))


def make_mix(n_rows: int, n_sources: int, *, uneven: bool) -> tuple[Shares, NDArray[np.int64]]:
    """Shares of one stage, and (n_sources, SOURCE_ROWS) real tokens by row."""
    rng = np.random.default_rng(0)
    lengths = np.full((n_sources, SOURCE_ROWS), ROW_TOKENS)
    if uneven:
        lengths[::5] = rng.integers(ROW_TOKENS // 2, ROW_TOKENS + 1, lengths[::5].shape)
    return shares([n_rows * ROW_TOKENS], [[(weight, weight) for weight in rng.lognormal(0, 2, n_sources)]]), lengths


def build_plan(wanted: Shares, lengths: NDArray[np.int64]) -> tuple[Plan, NDArray[np.int64], float]:
    """The plan, real tokens of its rows, and the seconds it took (after a small run that compiles)."""
    keys = [source_key(0, f"s{index}") for index in range(len(lengths))]

    def upcoming(source: int, position: int, count: int) -> NDArray[np.int64]:
        return lengths[source][drawn_rows(np.arange(position, position + count), SOURCE_ROWS, keys[source])[1]]

    list(schedule(shares([ROW_TOKENS], [[(1, 1)] * len(lengths)]), upcoming))
    start = time.perf_counter()
    blocks = list(schedule(wanted, upcoming))
    seconds = time.perf_counter() - start
    table = pa.table({name: [getattr(block, name) for block in blocks] for name in BLOCKS.names}, schema=BLOCKS)
    tokens = np.concatenate([block.tokens for block in blocks])
    sources = tuple(PlanSource(f"s{index}", "", SOURCE_ROWS, int(rows.sum())) for index, rows in enumerate(lengths))
    return Plan(0, ROW_TOKENS, len(tokens), int(tokens.sum()), sources, (), "", (), table), tokens, seconds


def measure_reading(plan: Plan) -> tuple[NDArray[np.int16], dict[str, float]]:
    """Sources of all rows, read in batches as a trainer does, and how fast; and how long one row anywhere takes."""
    start = time.perf_counter()
    batches = [rows_at(plan, first, min(first + BATCH_ROWS, plan.n_rows)).source for first in range(0, plan.n_rows, BATCH_ROWS)]
    read = time.perf_counter()
    for position in np.random.default_rng(1).integers(0, plan.n_rows, 1000).tolist():
        rows_at(plan, position, position + 1)
    one_row = (time.perf_counter() - read) / 1000
    return np.concatenate(batches), {"read_rows_per_second": plan.n_rows / (read - start), "any_row_microseconds": one_row * 1e6}


def measure_peer(rule, wanted: Shares, lengths: NDArray[np.int64], n_rows: int, fill: str) -> dict[str, float]:  # type: ignore[no-untyped-def]
    """Deviation and speed of a rule that gives (n_rows,) sources and real tokens."""
    rule(wanted.begin[0], lengths, 10)
    start = time.perf_counter()
    sources, tokens = rule(wanted.begin[0], lengths, n_rows)
    seconds = time.perf_counter() - start
    return {f"deviation_{fill}_rows": deviation(wanted, sources, tokens), "build_rows_per_second": n_rows / seconds}


def deviation(wanted: Shares, sources: NDArray[np.integer], tokens: NDArray[np.int64]) -> float:
    """The largest |tokens given − tokens asked| of any source after any row but the last, in full rows."""
    position, worst = np.cumsum(tokens), 0.0
    inside = position <= wanted.bounds[-1]
    ask = asked(wanted, position[inside])
    for source in range(wanted.begin.shape[1]):
        given = np.cumsum(np.where(sources == source, tokens, 0))[inside]
        worst = max(worst, float(np.abs(given - ask[:, source]).max()) / ROW_TOKENS)
    return worst


def independent(share: NDArray[np.float64], lengths: NDArray[np.int64], n_rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each row from a source drawn at random by share."""
    rng = np.random.default_rng(0)
    sources = rng.choice(len(share), n_rows, p=share)
    return sources, lengths[sources, rng.integers(0, lengths.shape[1], n_rows)]


@njit(cache=True)
def largest_deficit(share, lengths, n_rows, in_tokens):  # type: ignore[no-untyped-def]
    """Each row from the source whose share of the rows (or tokens) so far lacks most."""
    given, drawn = np.zeros(len(share)), np.zeros(len(share), np.int64)
    sources, tokens = np.empty(n_rows, np.int64), np.empty(n_rows, np.int64)
    position = 0.0
    for row in range(n_rows):
        best = 0
        for source in range(1, len(share)):
            if share[source] * max(position, 1.0) - given[source] > share[best] * max(position, 1.0) - given[best]:
                best = source
        sources[row], tokens[row] = best, lengths[best, drawn[best] % lengths.shape[1]]
        amount = tokens[row] if in_tokens else 1
        drawn[best] += 1
        given[best] += amount
        position += amount
    return sources, tokens


PEERS = {
    "independent_draws": independent,
    "largest_deficit_in_rows": lambda share, lengths, n_rows: largest_deficit(share, lengths, n_rows, False),
    "largest_deficit_in_tokens": lambda share, lengths, n_rows: largest_deficit(share, lengths, n_rows, True),
}


if __name__ == "__main__":
    main()
