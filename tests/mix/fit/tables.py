"""Tables of runs with known laws, for tests of `mix fit`."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mix.fit.rows import DomainRows
from mix.laws.law import Evidence, FittedLaw, Points

RATIOS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8)


def write_table(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    """Write a CSV whose columns are the keys of all rows."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def replay_table(path: Path, noise: float = 0.001, ratios: Sequence[float] = RATIOS, seeds: int = 2) -> Path:
    """Losses of two domains that are exponentials of the share of old data, with repeated seeds and a base model."""
    random = np.random.default_rng(0)
    rows: list[dict[str, object]] = []
    for share in ratios:
        for seed in range(seeds):
            losses = {"loss.general": 2.8 + 0.4 * np.exp(-3 * share), "loss.domain": 1.9 + 0.1 * np.exp(1.5 * share)}
            row = {"run": f"replay-{share}-{seed}", "step": 100, "seed": seed, "share.domain": 1 - share, "share.general": share}
            rows.append(row | {name: loss + noise * random.standard_normal() for name, loss in losses.items()})
    return write_table(path, [*rows, {"run": "base", "step": 0, "loss.general": 2.85, "loss.domain": 2.5}])


def rows_of(
    shares: Sequence[float],
    losses: Sequence[float],
    *,
    run: Sequence[int] | None = None,
    steps: Sequence[float] | None = None,
    tokens: Sequence[float] | None = None,
    parameters: Sequence[float] | None = None,
    noise: float | None = None,
    noise_freedom: int = 0,
) -> DomainRows:
    """Rows of one domain at shares of the first of two sources; each row is a run of its own unless `run` says otherwise."""
    first = np.array(shares, np.float64)
    n = len(first)
    points = Points.of_shares(("a", "b"), np.stack([first, 1 - first], axis=1))
    points = Points(
        points.sources,
        points.shares,
        np.full(n, np.nan) if tokens is None else np.array(tokens, np.float64),
        np.full(n, np.nan) if parameters is None else np.array(parameters, np.float64),
        points.pretraining_tokens,
        points.areas,
    )
    runs = np.arange(n) if run is None else np.array(run)
    evidence = Evidence(points, np.array(losses, np.float64), runs, 0, None, noise, noise_freedom)
    times = np.arange(n, dtype=np.float64) if steps is None else np.array(steps, np.float64)
    is_last = np.array([times[i] == times[runs == runs[i]].max() for i in range(n)])
    ratio = np.unique(first, return_inverse=True)[1]
    return DomainRows(evidence, tuple(f"run {number}" for number in runs), times, is_last, ratio, ratio, int(ratio.max()) + 1)


class Line:
    """A law for tests: the loss is a straight line in the share of the first source, or a curve that a test gives. Two parameters."""

    name = "line"
    reference = "for tests"

    def __init__(self, curve: Callable[[Points], np.ndarray] | None = None, *, along_runs: bool = False):
        self.curve, self.along_runs = curve, along_runs

    def problem(self, evidence: Evidence) -> str | None:
        return None if len(np.unique(evidence.points.shares[:, 0])) > 1 else "needs two ratios"

    def fit(self, evidence: Evidence, *, seed: int = 0, start: FittedLaw | None = None) -> "FittedLine":
        slope, offset = np.polyfit(evidence.points.shares[:, 0], evidence.losses, 1)
        return FittedLine(float(slope), float(offset), self.curve)

    def read(self, record: dict) -> "FittedLine":
        return FittedLine(record["slope"], record["offset"])


class FittedLine:
    name = "line"
    unidentified = ()
    warnings = ()
    n_free = 2

    def __init__(self, slope: float, offset: float, curve: Callable[[Points], np.ndarray] | None = None):
        self.slope, self.offset, self.curve = slope, offset, curve

    def predict(self, points: Points) -> np.ndarray:
        return self.curve(points) if self.curve else self.offset + self.slope * points.shares[:, 0]

    def record(self) -> dict:
        return {"law": "line", "slope": self.slope, "offset": self.offset}
