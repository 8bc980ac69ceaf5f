"""Percentiles of a signal over a run's documents, and the threshold that keeps a wanted share of them."""

from pathlib import Path

import numpy as np
import polars as pl

from curate.errors import CurateError
from shards.console import print_table, summary
from shards.read import ShardSet

SHOWN = (1, 5, 10, 25, 30, 50, 60, 75, 90, 95, 99)
"""cc_net cuts perplexity at 30 and 60, DCLM its classifier's score at 90."""


def signal_values(run: Path, signal: str, by: str | None, kept: bool) -> pl.DataFrame:
    """`group` and `value` of a run's documents, all that were read or only those kept. Raises CurateError for signals that are not there."""
    signals = ShardSet(run / "signals", "signals")
    wanted = ["file", "row", signal, *([by] if by else [])]
    missing = next((name for name in wanted if name not in signals.schema.names), None)
    if missing is not None:
        raise CurateError(f"{run / 'signals'}: nothing measured {missing}; there is {', '.join(signals.schema.names)}")
    frame = pl.DataFrame(signals.to_table(list(dict.fromkeys(wanted))))
    if not frame.schema[signal].is_numeric():
        raise CurateError(f"{run / 'signals'}: {signal} holds {frame.schema[signal]}, no number")
    if kept:
        dropped = pl.DataFrame(ShardSet(run / "verdicts", "verdicts").to_table(["file", "row"]))
        frame = frame.join(dropped.unique(), on=["file", "row"], how="anti")
    return frame.select(group=pl.col(by) if by else pl.lit("all"), value=pl.col(signal).cast(pl.Float64)).drop_nulls("value").drop_nans("value")


def keep_threshold(values: np.ndarray, share: float, lowest: bool) -> float:
    """The value from which on the largest (or up to which the smallest) `ceil(share · n)` of `values (n,)` lie; n at least 1."""
    n_kept = max(int(np.ceil(share * len(values))), 1)
    ordered = np.sort(values)
    return float(ordered[n_kept - 1] if lowest else ordered[len(values) - n_kept])


def print_percentiles(run: Path, signal: str, by: str | None, kept: bool, share: float | None, lowest: bool) -> None:
    """A table of percentiles by group, and the rule that keeps the share. Raises CurateError as `signal_values`, and if nothing was measured."""
    frame = signal_values(run, signal, by, kept)
    if frame.height == 0:
        raise CurateError(f"{run / 'signals'}: {signal} has no value for any {'kept ' if kept else ''}document")
    groups = {str(key[0]): group["value"].to_numpy() for key, group in frame.group_by("group", maintain_order=True)}
    rows = [(name, len(groups[name]), *(f"{value:.5g}" for value in np.percentile(groups[name], SHOWN))) for name in sorted(groups)]
    print_table(f"percentiles of {signal}", (by or "", "documents", *map(str, SHOWN)), rows)
    if share is not None:
        operator, which = (">", "lowest") if lowest else ("<", "highest")
        lines = {
            name: f"{{name: {signal}, value: {signal}, drop_if: '{operator}', threshold: {keep_threshold(values, share, lowest)!r}}}"
            for name, values in sorted(groups.items())
        }
        summary(f"rule that keeps the {which} {share:.1%}", lines)
