"""`mix fit`: a table of runs in; for each domain the candidate laws, their tests, the chosen law and its predictions with intervals out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from mix.errors import MixError
from mix.fit.candidate import Tried, try_law
from mix.fit.domain import Choice, Domain, choice_of, domain_fit, domain_of, evidence_around, predicted, worse_first
from mix.fit.recipe import FitRecipe
from mix.fit.record import FIT_NAME, FORMAT, RESAMPLES_NAME, RUNS_NAME, DomainFit, Fit, PointFacts, Resamples, TableFacts
from mix.fit.rows import TablePoints, table_points
from mix.laws.bootstrap import resample
from mix.laws.catalog import LAWS, law_named
from mix.laws.law import Evidence, FittedLaw, Points
from mix.runs.columns import nearest
from mix.runs.join import read_all
from mix.runs.table import Runs
from mix.runs.write import csv_bytes
from shards.atomic import file_checksum
from shards.console import progress
from shards.folder import output_folder, write_owned
from shards.recipe import recipe_hash
from shards.record import sealed
from shards.stages import TaskPool

MOST_TREE_RESAMPLES = 20
"""Fits to resampled losses of a law without a fixed number of parameters: each takes as long as the first fit."""

T = TypeVar("T")
Result = TypeVar("Result")


def fit(recipe: FitRecipe, out: Path) -> Fit:
    """Fit, test and choose laws, and write `fit.json`, `runs.csv` and `resamples.json` to the folder `out`.

    The same table and recipe give the same bytes, whatever the number of workers. Raises MixError for tables and recipes that can't be used, and for
    too few runs, with the number needed.
    """
    with output_folder(out, (FIT_NAME, RUNS_NAME, RESAMPLES_NAME)):
        table, notes = read_all(recipe)
        chosen, resampled, points = _fit_domains(table, recipe)
        write_owned(out / RUNS_NAME, csv_bytes(table))
        write_owned(out / RESAMPLES_NAME, sealed(Resamples(format=FORMAT, domains=resampled).model_dump(), allow_nan=False))
        content = Fit(
            verdict=worse_first(chosen),
            format=FORMAT,
            recipe=recipe.model_dump(mode="json"),
            recipe_hash=recipe_hash(recipe),
            table=_table_facts(table, out / RUNS_NAME),
            resamples=file_checksum(out / RESAMPLES_NAME),
            notes=notes,
            points=points,
            domains=chosen,
        )
        write_owned(out / FIT_NAME, sealed(content.model_dump(mode="json"), allow_nan=False))
    return content


class _TryTask(NamedTuple):
    domain: Domain
    law: str
    seed: int


class _ResampleTask(NamedTuple):
    law: str
    fitted: FittedLaw
    around: Evidence
    n: int
    seed: int


def _domains(table: Runs, points: TablePoints, recipe: FitRecipe) -> list[Domain]:
    """The domains to fit, each with the laws to try."""
    named = recipe.law if isinstance(recipe.law, dict) else {}
    for key, names in (("losses", recipe.losses or ()), ("law", named)):
        for name in names:
            if name not in table.domains:
                raise MixError(f"{key}: no domain {name}{nearest(name, table.domains)}")
    domains = []
    for name, unit in zip(table.domains, table.units, strict=True):
        if recipe.losses is not None and name not in recipe.losses:
            continue
        law = named.get(name, "auto") if isinstance(recipe.law, dict) else recipe.law
        laws = [law_named(tried).name for tried in ((recipe.laws or LAWS) if law == "auto" else (law,))]
        rows = points.rows_of(name, table, recipe)
        if not len(rows.evidence):
            raise MixError(f"{name}: no run has this loss; name the domains to fit in `losses`")
        domains.append(domain_of(name, unit, rows, laws, is_auto=law == "auto", seed=recipe.seed))
    return domains


def _fit_domains(table: Runs, recipe: FitRecipe) -> tuple[dict[str, DomainFit], dict[str, list[dict[str, Any]]], list[PointFacts]]:
    """The record of each domain, records of its laws fitted to resampled losses, and the points of the table."""
    points = table_points(table)
    domains = _domains(table, points, recipe)
    with TaskPool(recipe.workers) as pool:
        tasks = [_TryTask(domain, law, recipe.seed) for domain in domains for law in domain.laws]
        results = iter(_all(pool, _try, tasks, "fitting"))
        tried = [[_result(next(results)) for _ in domain.laws] for domain in domains]
        choices = [choice_of(domain, laws, recipe.choose_by, recipe.seed) for domain, laws in zip(domains, tried, strict=True)]
        refits = [_resample_task(domain, choice, recipe) for domain, choice in zip(domains, choices, strict=True)]
        resampled = _all(pool, _resample, refits, "resampling")
    facts, records = {}, {}
    for domain, laws, choice, task, laws_resampled in zip(domains, tried, choices, refits, resampled, strict=True):
        found = predicted(domain, task.around, task.fitted, laws_resampled, points, recipe.confidence)
        facts[domain.name] = domain_fit(domain, laws, choice, found, law_named(task.law).along_runs, recipe.confidence)
        records[domain.name] = [refitted.record() for refitted in found.resampled if refitted.n_free]  # a law of trees is megabytes of JSON
    return facts, records, _point_facts(points.at)


def _try(task: _TryTask) -> Tried:
    domain = task.domain
    return try_law(law_named(task.law), domain.rows, domain.splits, domain.baselines, domain.unit, task.seed)


def _resample_task(domain: Domain, choice: Choice, recipe: FitRecipe) -> _ResampleTask:
    fitted = choice.tried.fitted
    assert fitted is not None
    n = recipe.n_resamples if fitted.n_free else min(recipe.n_resamples, MOST_TREE_RESAMPLES)
    law = law_named(choice.tried.facts.law)
    return _ResampleTask(law.name, fitted, evidence_around(domain, law, choice.tried), n, recipe.seed)


def _resample(task: _ResampleTask) -> list[FittedLaw]:
    return resample(law_named(task.law), task.fitted, task.around, task.n, task.seed)


def _all(pool: TaskPool, function: Callable[[T], Result], tasks: Sequence[T], doing: str) -> list[Result | MixError]:
    """Results in the order of tasks. Raises exceptions of tasks that are not the user's."""
    results: list[Any] = [None] * len(tasks)
    with progress(doing, len(tasks)) as meter:
        for index, result in pool.run(function, tasks, doing):
            if isinstance(result, Exception) and not isinstance(result, MixError):
                raise result
            results[index] = result
            meter.advance()
    return results


def _result(result: Tried | MixError) -> Tried:
    if isinstance(result, MixError):
        raise result
    return result


def _table_facts(table: Runs, path: Path) -> TableFacts:
    """The last known content of a source is the one that it has now."""
    contents = [next((content for content in reversed(column) if content), "") for column in table.contents.T.tolist()]
    return TableFacts(
        file=RUNS_NAME,
        checksum=file_checksum(path),
        rows=len(table),
        runs=len({name for name, base in zip(table.run, table.is_base, strict=True) if not base}),
        sources=list(table.sources),
        contents=contents,
    )


def _point_facts(at: Points) -> list[PointFacts]:
    columns = (at.shares.tolist(), at.tokens.tolist(), at.parameters.tolist(), at.pretraining_tokens.tolist())
    return [
        PointFacts(shares=shares, tokens=_known(tokens), parameters=_known(size), pretraining_tokens=_known(before))
        for shares, tokens, size, before in zip(*columns, strict=True)
    ]


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
