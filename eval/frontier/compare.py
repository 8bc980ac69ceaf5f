"""One paired table of the models of several evaluations, with the statistics of `evaluate run`."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from eval.errors import EvalError
from eval.frontier.evaluations import Joined
from eval.frontier.of_evaluations import bits, points_of, trained_by
from eval.frontier.points import Point
from eval.frontier.runs import TrainRun
from eval.statistics.differences import ratio_difference
from eval.statistics.interval import Interval
from eval.statistics.recipes import recipe_difference, seed_noise
from eval.summary.rows import Difference, judge

Json = dict[str, Any]

FORMAT = 1


def compare(joined: Joined, runs: Sequence[TrainRun], baseline: str | None, n_resamples: int) -> Json:
    """Bits per byte of each model, each against the baseline, and each later one against each earlier, on every domain that at least two of them share.

    Models of `runs` that repeat each other, or that an evaluation's own recipe groups, are also compared as recipes, over documents and seeds. Raises
    EvalError for a baseline that is not among the models, for documents that differ, and where no two models share a domain.
    """
    models = list(joined.members)
    base = baseline or joined.baseline
    if base not in models:
        raise EvalError(f"--baseline {base}: no model has this name; the models are {', '.join(models)}")
    models = [base, *(model for model in models if model != base)]
    notes: list[str] = []
    recipes = [point for point in points_of(joined, models[1:], trained_by(joined, models[1:], runs)) if point.of == "recipe"]
    tolerance = float(joined.evaluations[0].summary["recipe"]["tolerance"])
    scores, pairs = [], []
    for domain, role in joined.roles.items():
        known = [model for model in models if joined.evaluation_of(model, domain) is not None]
        scores += [{"domain": domain, "role": role, "model": model, "bits_per_byte": bits(joined, model, domain)} for model in known]
        lossy = [model for model in known if _is_lossy(joined, model, domain)]
        notes += [f"{model} on {domain}: no verdict, because its tokenizer loses text" for model in lossy]
        of_domain = _pairs(joined, domain, known, n_resamples) + _recipe_pairs(joined, domain, known, base, recipes, n_resamples)
        for facts, members, interval in of_domain:
            row = facts | {"domain": domain, "role": role, "delta": interval.estimate}
            pairs.append(Difference(row, interval, tolerance if role == "retain" else None, is_lossy=bool(members & set(lossy))))
    if not pairs:
        raise EvalError("no two models were scored on the same domain; score them on the same documents")
    return {
        "format": FORMAT,
        "baseline": base,
        "models": {model: {"checksum": joined.members[model].checksum, "folder": str(joined.members[model].evaluation.folder)} for model in models},
        "recipes": {recipe.name: list(recipe.members) for recipe in recipes},
        "scores": scores,
        "differences": judge(pairs),
        "notes": notes,
    }


def _is_lossy(joined: Joined, model: str, domain: str) -> bool:
    where = joined.evaluation_of(model, domain)
    return where is not None and where[0].is_lossy(where[1], domain)


_Pair = tuple[Json, set[str], Interval]
"""Names of the two sides, the models that take part, and the difference."""


def _pairs(joined: Joined, domain: str, models: list[str], n_resamples: int) -> list[_Pair]:
    """Each pair of models, the earlier as `against`."""
    if len(models) < 2:
        return []
    paired = joined.paired(models, domain)
    if paired is None:
        missing = [model for model in models if joined.documents(model, domain) is None]
        raise EvalError(f"{missing[0]}: its scores by document are missing, only the summary is there; rerun `evaluate run`")
    values, clusters = paired
    rows: list[_Pair] = []
    for against, model in combinations(models, 2):
        interval = ratio_difference(values[against], values[model], clusters=clusters, n_resamples=n_resamples)
        rows.append(({"model": model, "against": against, "of": "checkpoint"}, {model, against}, interval))
    return rows


def _recipe_pairs(joined: Joined, domain: str, models: list[str], base: str, recipes: Sequence[Point], n_resamples: int) -> list[_Pair]:
    """Each recipe against the baseline, which is one given model, and against each earlier recipe."""
    known = [recipe for recipe in recipes if set(recipe.members) <= set(models)]
    if not known or base not in models:
        return []
    paired = joined.paired([base, *(model for recipe in known for model in recipe.members)], domain)
    assert paired is not None, "single models were paired before"
    values, clusters = paired
    members = {recipe.name: recipe.members for recipe in known} | {base: (base,)}
    runs = {name: [values[model] for model in names] for name, names in members.items()}
    names = [recipe.name for recipe in known]
    rows: list[_Pair] = []
    for against, name in [*((base, name) for name in names), *combinations(names, 2)]:
        noise = seed_noise([runs[other] for other in names if other not in (against, name)])
        settings: Json = {"fixed_base": against == base, "noise": noise, "clusters": clusters, "n_resamples": n_resamples}
        interval = recipe_difference(runs[against], runs[name], **settings)
        rows.append(({"model": name, "against": against, "of": "recipe"}, {*members[name], *members[against]}, interval))
    return rows
