"""RegMix's runs: ranks of held-out mixtures and of held-out model sizes, by boosted trees, by mixing laws and by a straight line."""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.laws_figures import Figure
from mix.laws.exponential import Exponential
from mix.laws.law import Evidence, Law, Points
from mix.laws.log_shares import LogShares
from mix.laws.regmix import RegMix

Array = NDArray[np.float64]

PUBLISHED = {"1m": 98.95, "60m": 98.39, "1b": 94.98}
"""Mean Spearman correlation of the published notebook, whose boosting stops by the error on the test runs."""
LEAST = {"1m": 98.5, "60m": 98.0, "1b": 94.0}
PUBLISHED_LINE = 83.11
"""Linear regression on the 1M runs."""


def measure(folder: Path) -> list[Figure]:
    """Mean Spearman correlation (×100) over the domains on each test set in the folder, fitted on its 1M training runs."""
    sources, shares, losses = read_set(folder, "train", "1m")
    tests = [size for size in PUBLISHED if _path(folder, f"test_mixture_{size}")]
    points = Points.of_shares(sources, shares)
    domains = list(losses)
    scores: dict[str, dict[str, list[float]]] = {size: {} for size in tests}
    held_out = {size: read_set(folder, "test", size, sources) for size in tests}
    for domain in domains:
        known = np.isfinite(losses[domain])
        evidence = Evidence(points.take(known), losses[domain][known], np.arange(int(known.sum())))
        for law, predict in _fits(evidence).items():
            for size, (_, test_shares, test_losses) in held_out.items():
                if domain in test_losses:
                    scores[size].setdefault(law, []).append(_spearman(predict(test_shares), test_losses[domain]))
    figures = []
    for size, by_law in scores.items():
        mean = {law: float(np.mean(values)) for law, values in by_law.items()}
        print(f"RegMix {size}: {len(by_law['regmix'])} domains, mean Spearman " + ", ".join(f"{law} {value:.2f}" for law, value in mean.items()))
        enough = mean["regmix"] >= max(LEAST[size], mean["linear"] + 10)
        figures.append(Figure(f"regmix_{size}", mean["regmix"], PUBLISHED[size], f">= {LEAST[size]} and linear + 10", enough))
        if size == "1m":
            figures.append(Figure("linear_1m", mean["linear"], PUBLISHED_LINE, "the trivial guess", True))
            figures += [Figure(f"{law}_1m", mean[law], None, "beside the trees", True) for law in mean if law not in ("regmix", "linear")]
    return figures


def _fits(evidence: Evidence) -> dict:  # type: ignore[type-arg]
    """Predictors of float64[n] losses from shares, by law."""
    design = np.column_stack([np.ones(len(evidence)), evidence.points.shares])
    line = np.linalg.lstsq(design, evidence.losses, rcond=None)[0]
    laws: tuple[Law, ...] = (RegMix(), Exponential(), LogShares())
    fitted = {law.name: law.fit(evidence) for law in laws}
    sources = evidence.points.sources
    by_law = {name: lambda shares, law=law: law.predict(Points.of_shares(sources, shares)) for name, law in fitted.items()}
    return by_law | {"linear": lambda shares: line[0] + shares @ line[1:]}


def read_set(folder: Path, part: str, size: str, sources: tuple[str, ...] | None = None) -> tuple[tuple[str, ...], Array, dict[str, Array]]:
    """Sources, shares float64[n, k] and losses by domain (float64[n], NaN where unknown), joined on `index`, or in order; duplicate rows count once.

    Raises SystemExit for a missing file, for indices of different runs, and for a source that is not among `sources`.
    """
    mixtures, losses = (_read(folder, f"{part}_{kind}_{size}") for kind in ("mixture", "pile_loss"))
    if "index" not in mixtures or "index" not in losses:  # then rows belong together in their order
        for columns in (mixtures, losses):
            columns["index"] = [str(row) for row in range(len(next(iter(columns.values()))))]
    measured = set(losses["index"])
    rows = list(dict.fromkeys(row for row in mixtures["index"] if row in measured))
    if not rows:
        raise SystemExit(f"{part} {size}: no index is in both the mixtures and the losses")
    at = {name: [table["index"].index(row) for row in rows] for name, table in (("mixture", mixtures), ("loss", losses))}
    shares = {_plain(name): values for name, values in mixtures.items() if name != "index"}
    names = sources or tuple(shares)
    strange = [name for name in shares if name not in names]
    if strange:
        raise SystemExit(f"{part}_mixture_{size}: the training runs have no {', '.join(strange)}")
    nothing = ["0"] * len(mixtures["index"])
    table = np.array([[float(shares.get(name, nothing)[i]) for name in names] for i in at["mixture"]])
    by_domain = {_plain(name): np.array([_number(values[i]) for i in at["loss"]]) for name, values in losses.items() if name != "index"}
    _, first = np.unique(np.column_stack([table, *by_domain.values()]), axis=0, return_index=True, equal_nan=False)
    first.sort()
    unknown = sum(int(np.isnan(values[first]).sum()) for values in by_domain.values())
    print(
        f"{part} {size}: {len(first)} runs, {len(names)} sources, {len(by_domain)} domains; dropped {len(rows) - len(first)} duplicates, {unknown} losses NaN"
    )
    return names, table[first], {name: values[first] for name, values in by_domain.items()}


def _spearman(predicted: Array, observed: Array) -> float:
    from scipy.stats import spearmanr

    known = np.isfinite(observed)
    return 100 * float(spearmanr(predicted[known], observed[known])[0])


def _path(folder: Path, stem: str) -> Path | None:
    return next((path for path in sorted(folder.glob("*.csv")) if path.stem.lower() == stem), None)


def _read(folder: Path, stem: str) -> dict[str, list[str]]:
    path = _path(folder, stem)
    if path is None:
        raise SystemExit(f"{folder}: no {stem}.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = [row for row in csv.reader(file) if row]
    return {name or "index": [row[i] for row in rows] for i, name in enumerate(header)}


def _plain(name: str) -> str:
    """The Pile's part that a column is about: `train_the_pile_arxiv` and `metric/the_pile_arxiv_val_loss` are both `arxiv`."""
    for affix in ("train_", "valid_", "metric/", "the_pile_"):
        name = name.removeprefix(affix)
    return name.removesuffix("_val_loss")


def _number(cell: str) -> float:
    number = float(cell or "nan")
    return number if np.isfinite(number) else float("nan")
