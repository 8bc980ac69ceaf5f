"""Honesty of `mix suggest` where the true losses are known: coverage, bias, budgets and regret.

    python -m benchmarks.suggest [--repetitions N] [--seed N] [--runs N ...] [--truths NAME ...] [--workers N]

Each repetition draws a truth, runs with noise, and asks for the best ratio under a budget. Three answers are compared at the ratio that each chooses:
ours; the lowest prediction of one exponential law fitted by least squares, inside the same hull and under its own predicted budget, uncorrected; and
the best run seen. Bias is prediction minus truth. Ratios of biases have large errors where the uncorrected bias is near 0, so each bias is printed
with its standard error, and the ratio is that of mean absolute biases over the cells of a group of truths.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import print_result
from benchmarks.suggest_truths import FORM_IS_RIGHT, Case, make_case
from mix.laws.exponential import Exponential
from mix.laws.law import Points
from mix.suggest.beliefs import believe
from mix.suggest.hull import Allowed
from mix.suggest.suggest import describe, suggest
from mix.suggest.suggestion import BudgetNotMet, Prediction

Array = NDArray[np.float64]
Row = dict[str, float]

_N_CANDIDATES = 4000


def main() -> None:
    """Run all cells, print a table, and the JSON line with `coverage`, `bias_ratio`, `budget_kept`, `regret`, `bias_confirmed`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=200, help="of each truth, shared between the numbers of runs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, nargs="+", default=[12, 20, 40])
    parser.add_argument("--truths", nargs="+", default=list(FORM_IS_RIGHT), choices=list(FORM_IS_RIGHT))
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    each = -(-options.repetitions // len(options.runs))
    tasks = [(truth, n, options.seed * 1_000_000 + i) for truth in options.truths for n in options.runs for i in range(each)]
    print("truth, runs, answered | coverage: mean, run, confirmed | bias (se): ours, uncorrected, confirmed | kept: ours, uncorrected, seen | regret: same")
    cells: dict[tuple[str, int], list[Row]] = {}
    with ProcessPoolExecutor(options.workers) as pool:
        for (truth, n, _), row in zip(tasks, pool.map(_repetition_of, tasks, chunksize=4), strict=True):
            found = cells.setdefault((truth, n), [])
            found.append(row)
            if len(found) == each:
                _print_cell(truth, n, found)
    ours = _summary(cells)
    peer = {key: ours.pop(key) for key in ("regret_uncorrected", "regret_best_seen", "kept_uncorrected", "kept_best_seen")}
    met = _requirements(ours)
    print("\n".join(f"{'met' if value else 'NOT MET'}: {words}" for words, value in met.items()))
    agreement = sum(met.values()) / len(met)
    print_result({"ours": ours, "peer": {"name": "argmin of one exponential law; best run seen"} | peer, "ratio": ours["bias_ratio"], "agreement": agreement})


def _repetition_of(task: tuple[str, int, int]) -> Row:
    return repetition(*task)


def repetition(truth: str, n_runs: int, seed: int) -> Row:
    """One problem and its three answers. What an answer lacks, because it refuses, is missing from the row."""
    random = np.random.default_rng([seed, n_runs, list(FORM_IS_RIGHT).index(truth)])
    case = make_case(truth, n_runs, random)
    losses = case.run(random, case.shares)
    evidence = case.evidence(case.shares, losses)
    grid = Allowed(np.unique(case.shares, axis=0)).candidates(_N_CANDIDATES, seed)
    possible = case.truly_keeps(grid)
    if not possible.any():
        return {}
    best = float(case.target(grid)[possible].min())
    row: Row = _uncorrected(case, grid, evidence) | _best_seen(case, losses)
    try:
        found = suggest(case.request, evidence)
    except BudgetNotMet:
        return _regrets(row, best)
    shares = found.shares[None]
    truth_there = float(case.target(shares)[0])
    row |= {"value": found.target.value - truth_there, "raw": found.target.uncorrected - truth_there, "true": truth_there}
    row |= {"kept": float(case.truly_keeps(shares)[0]), "covered": _inside(found.target, truth_there, one_run=False)}
    again = case.run(random, shares)
    total = sum(case.request.target.values())
    observed = float(sum(weight / total * again[name][0] for name, weight in case.request.target.items()))
    row["covered_run"] = _inside(found.target, observed, one_run=True)
    row["covered_domains"] = float(np.mean([_inside(p, float(case.losses[name](shares)[0]), one_run=False) for name, p in found.domains.items()]))
    more = case.evidence(np.concatenate([case.shares, shares]), {name: np.r_[losses[name], again[name]] for name in losses})
    after = describe(case.request, believe(case.request, more), found.shares, 0.0)
    row |= {"confirmed": after.target.value - truth_there, "covered_confirmed": _inside(after.target, truth_there, one_run=False)}
    return _regrets(row, best)


def _inside(prediction: Prediction, value: float, *, one_run: bool) -> float:
    low, high = (prediction.low, prediction.high) if one_run else (prediction.mean_low, prediction.mean_high)
    return float(low <= value <= high)


def _uncorrected(case: Case, grid: Array, evidence: dict[str, Any]) -> Row:
    """The lowest prediction of one exponential law among ratios that are predicted to keep the budget."""
    points = Points.of_shares(case.request.sources, grid)
    predicted = {name: Exponential().fit(evidence[name]).predict(points) for name in case.request.domains}
    total = sum(case.request.target.values())
    target = np.asarray(sum(weight / total * predicted[name] for name, weight in case.request.target.items()))
    kept = case.keeps(predicted)
    if not kept.any():
        return {}
    chosen = np.flatnonzero(kept)[[int(np.argmin(target[kept]))]]
    true = float(case.target(grid[chosen])[0])
    return {"uncorrected": float(target[chosen][0]) - true, "true_uncorrected": true, "kept_uncorrected": float(case.truly_keeps(grid[chosen])[0])}


def _best_seen(case: Case, losses: dict[str, Array]) -> Row:
    """The run of lowest observed target among those that were observed to keep the budget."""
    total = sum(case.request.target.values())
    observed = np.asarray(sum(weight / total * losses[name] for name, weight in case.request.target.items()))
    kept = case.keeps(losses)
    if not kept.any():
        return {}
    chosen = case.shares[np.flatnonzero(kept)[[int(np.argmin(observed[kept]))]]]
    return {"true_best_seen": float(case.target(chosen)[0]), "kept_best_seen": float(case.truly_keeps(chosen)[0])}


def _regrets(row: Row, best: float) -> Row:
    """Add true target minus the best that keeps the budget. An answer that breaks the budget can be below 0."""
    regrets = {key.replace("true", "regret"): row[key] - best for key in list(row) if key.startswith("true")}
    return row | regrets


def _mean(rows: list[Row], key: str) -> tuple[float, float]:
    """Mean and its standard error over the rows that have the key."""
    values = np.array([row[key] for row in rows if key in row])
    if not len(values):
        return float("nan"), float("nan")
    return float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("nan")


def _print_cell(truth: str, n: int, rows: list[Row]) -> None:
    answered = sum("value" in row for row in rows)
    coverage = " ".join(f"{_mean(rows, key)[0]:.3f}" for key in ("covered", "covered_run", "covered_confirmed"))
    biases = " ".join("{:+.5f} ({:.5f})".format(*_mean(rows, key)) for key in ("value", "uncorrected", "confirmed"))
    kept = " ".join(f"{_mean(rows, key)[0]:.3f}" for key in ("kept", "kept_uncorrected", "kept_best_seen"))
    regret = " ".join(f"{_mean(rows, key)[0]:+.5f}" for key in ("regret", "regret_uncorrected", "regret_best_seen"))
    print(f"{truth:<7} {n:3d} {answered:3d}/{len(rows)} | {coverage} | {biases} | {kept} | {regret}", flush=True)


def _summary(cells: dict[tuple[str, int], list[Row]]) -> dict[str, Any]:
    rows = [row for found in cells.values() for row in found]
    by_truth = {truth: [row for (name, _), found in cells.items() if name == truth for row in found] for truth, _ in cells}
    ours: dict[str, Any] = {
        "coverage": _mean(rows, "covered")[0],
        "coverage_run": _mean(rows, "covered_run")[0],
        "coverage_by_truth": {truth: _mean(found, "covered")[0] for truth, found in by_truth.items()},
        "coverage_run_by_truth": {truth: _mean(found, "covered_run")[0] for truth, found in by_truth.items()},
    }
    for name, right in (("bias_ratio_form_right", True), ("bias_ratio_form_wrong", False)):
        group = [found for truth, found in by_truth.items() if FORM_IS_RIGHT[truth] == right]
        ours[name] = _ratio(group, "value")
        ours[name.replace("bias_ratio", "bias_confirmed_ratio")] = _ratio(group, "confirmed")
    ours["bias_ratio"] = _ratio(list(by_truth.values()), "value")
    ours["bias_confirmed"] = _mean(rows, "confirmed")[0]
    for key in ("budget_kept:kept", "regret:regret", "regret_uncorrected", "regret_best_seen", "kept_uncorrected", "kept_best_seen"):
        name, _, source = key.partition(":")
        ours[name] = _mean(rows, source or name)[0]
    return ours


def _requirements(ours: dict[str, Any]) -> dict[str, bool]:
    """What an honest suggestion must do, in words, and whether it did."""
    met = {"coverage of the mean 92 to 98%": 0.92 <= ours["coverage"] <= 0.98, "coverage of a run 92 to 98%": 0.92 <= ours["coverage_run"] <= 0.98}
    for truth, coverage in ours["coverage_by_truth"].items():
        met[f"coverage of the mean 92 to 98%, {truth}"] = 0.92 <= coverage <= 0.98
    for form, most in (("right", 1 / 2), ("wrong", 2 / 3)):
        ratio = ours[f"bias_ratio_form_{form}"]
        if ratio is not None:
            met[f"bias at most {most:.2f} of the uncorrected one where the form is {form}"] = ratio <= most
    met["budget truly kept in 95%"] = ours["budget_kept"] >= 0.95
    return met


def _ratio(groups: list[list[Row]], key: str) -> float | None:
    """Mean absolute bias over groups of rows, over that of the uncorrected argmin; None without groups."""
    return sum(abs(_mean(g, key)[0]) for g in groups) / sum(abs(_mean(g, "uncorrected")[0]) for g in groups) if groups else None


if __name__ == "__main__":
    main()
