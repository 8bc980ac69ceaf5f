"""Noise between seeds that a recipe states: as a figure, from an earlier evaluation, or from a table of runs."""

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from eval.errors import EvalError
from eval.recipe import EvaluateRecipe, SeedNoiseRecipe
from eval.statistics.recipes import Noise
from shards.record import read_record

EXACT_DEGREES = 1e6
_BITS, _RUN, _STEP = "bits.", "run", "step"
_OWN = ("run", "seed", "loss.", "bits.")
"""Columns of a table of runs in which runs of one recipe may differ."""


def known_noise(recipe: EvaluateRecipe) -> dict[str, Noise]:
    """The stated noise by domain, empty if none is stated. Raises EvalError for a file that states none about the recipe's domains."""
    stated = recipe.seed_noise
    if stated is None:
        return {}
    if isinstance(stated, Path):
        found = _from_file(stated)
        known = {domain: found[domain] for domain in recipe.domains if domain in found}
        if not known:
            raise EvalError(f"seed_noise: {stated} has no repeats with other seeds on {', '.join(recipe.domains)}; it has {', '.join(found) or 'none at all'}")
        return known
    if isinstance(stated, dict):
        return {domain: _noise(figure) for domain, figure in stated.items()}
    return {domain: _noise(stated) for domain in recipe.domains}


def _noise(figure: float | SeedNoiseRecipe) -> Noise:
    return Noise(figure.deviation, figure.degrees) if isinstance(figure, SeedNoiseRecipe) else Noise(figure, EXACT_DEGREES)


def _from_file(path: Path) -> dict[str, Noise]:
    if path.suffix == ".csv":
        try:
            with path.open(encoding="utf-8", newline="") as lines:
                return noise_of_runs(csv.DictReader(lines), str(path))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise EvalError(f"seed_noise: {path} cannot be read as a table of runs ({error})") from None
    file = path / "summary.json" if path.is_dir() else path
    try:
        summary = read_record(file, dict[str, Any], error=EvalError, remedy="rerun `evaluate run`")
    except FileNotFoundError:
        raise EvalError(f"seed_noise: no {file}; give a number, the output folder of an `evaluate run` with recipes, or a table of runs (.csv)") from None
    try:
        return {row["domain"]: Noise(float(row["deviation"]), float(row["degrees"])) for row in summary.get("seed_noise", [])}
    except (KeyError, TypeError, ValueError) as error:
        raise EvalError(f"seed_noise: {file} is no summary of `evaluate run` ({error!r})") from None


def noise_of_runs(rows: Iterable[dict[str, str]], where: str) -> dict[str, Noise]:
    """Noise by domain from a table as `mix runs` writes it: the last step of each run, and runs that are equal in all but seed and losses."""
    last: dict[str, dict[str, str]] = {}
    for row in rows:
        if _RUN not in row or _STEP not in row:
            raise EvalError(f"seed_noise: {where} is no table of runs, it lacks the columns run and step")
        if row[_RUN] not in last or float(row[_STEP] or 0) > float(last[row[_RUN]][_STEP] or 0):
            last[row[_RUN]] = row
    groups: dict[tuple[tuple[str, str], ...], list[dict[str, str]]] = {}
    for row in last.values():
        groups.setdefault(tuple((name, value) for name, value in row.items() if not name.startswith(_OWN)), []).append(row)
    found: dict[str, list[np.ndarray]] = {}
    for group in groups.values():
        for name in group[0]:
            bits = np.array([float(row[name]) for row in group if row[name]]) if name.startswith(_BITS) else np.zeros(0)
            if len(bits) > 1:
                found.setdefault(name.removeprefix(_BITS), []).append(bits)
    pooled = {domain: (sum(((bits - bits.mean()) ** 2).sum() for bits in groups), sum(len(bits) - 1 for bits in groups)) for domain, groups in found.items()}
    return {domain: Noise(math.sqrt(squares / degrees), float(degrees)) for domain, (squares, degrees) in pooled.items()}
