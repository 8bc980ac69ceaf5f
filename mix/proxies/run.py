"""`mix proxies`: plans the runs of a recipe, executes what is not done, and keeps the ledger."""

import logging
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mix.errors import MixError
from mix.proxies.commands import executable
from mix.proxies.execute import Execution
from mix.proxies.ledger import FILE as LEDGER_FILE
from mix.proxies.ledger import Entry, Ledger
from mix.proxies.plan import Run, plan_runs, run_folder
from mix.proxies.ratios import kind_of, ratios
from mix.proxies.recipe import NextRecipe, PointsRecipe, ProxiesRecipe
from mix.proxies.templates import Templates, read_templates
from mix.runs.gather import gather
from mix.runs.write import write_runs
from shards.folder import output_folder, write_owned
from shards.yaml_text import dump_yaml

RECIPE_FILE = "proxies.yaml"
TABLE_FILE = "runs.csv"
_MOST_SHOWN = 5


@dataclass(frozen=True)
class Plan:
    """A recipe with all its runs; `recipe` lists the ratios of a file or a fit itself."""

    recipe: ProxiesRecipe
    templates: Templates
    runs: list[Run]

    @property
    def ledger(self) -> Ledger:
        """The ledger of the output folder."""
        return Ledger(self.recipe.out)

    def open_runs(self, entries: Mapping[str, Entry]) -> list[Run]:
        """The runs that are not done as planned."""
        return [run for run in self.runs if run.name not in entries or entries[run.name].status != "done" or entries[run.name].done != run.keys]

    def run_named(self, name: str) -> Run:
        """The run of this name. Raises MixError if there is none."""
        for run in self.runs:
            if run.name == name:
                return run
        raise MixError(f"--only {name}: no such run; the runs are {', '.join(run.name for run in self.runs)}")


def plan(recipe: ProxiesRecipe) -> Plan:
    """Plan all runs, writing nothing. Raises MixError or RecipeError for a recipe that can't be run."""
    templates = read_templates(recipe)
    recipe = _written_out(recipe, templates)
    return Plan(recipe, templates, plan_runs(recipe, templates))


def run(planned: Plan, only: str | None = None) -> tuple[str, dict[str, Any]]:
    """Execute all runs that are not done, or the run `only` with those that it needs; returns title and lines of the command's summary.

    When all runs were executed, OUT/runs.csv is the table of all that are done. Raises MixError at the end that names the runs that failed. Raises
    HeldError if another process executes all runs of this folder; any number of processes may execute single ones.
    """
    recipe = planned.recipe
    if only is not None:
        chosen = _with_needs(planned, planned.run_named(only))
        _enter(planned, chosen)
        _refuse_failures(_execute(planned, chosen), len(chosen))
        return "Done", {"run": only, "written to": run_folder(recipe, only)}
    with output_folder(recipe.out, [LEDGER_FILE, RECIPE_FILE, TABLE_FILE]):
        write_recipe(planned)
        _enter(planned, planned.runs)
        errors = _execute(planned, planned.runs)
        n_gathered = _gather(planned, errors)
        _refuse_failures(errors, len(planned.runs))
        return "Proxies done", {"runs": f"{len(planned.runs):,}", "table": f"{recipe.out / TABLE_FILE}, of {n_gathered:,} runs"}


def write_recipe(planned: Plan) -> Path:
    """Write the recipe with everything filled in to OUT/proxies.yaml, which needs no environment variables; returns its path."""
    path = planned.recipe.out / RECIPE_FILE
    templates = {name: getattr(planned.templates, name) for name in ("mix", "train", "evaluate")}
    values = {name: _plain(getattr(planned.recipe, name)) for name in ProxiesRecipe.model_fields} | templates
    write_owned(path, dump_yaml(values, width=120).encode())
    return path


def shell_lines(planned: Plan) -> list[str]:
    """Write OUT/proxies.yaml, and return a shell line for each run that is not done, those that others need first.

    Lines may run anywhere that sees the same folders, at the same time, in any order and twice: a line does what its run still needs, and waits for a run
    that another line is doing.
    """
    with output_folder(planned.recipe.out, [LEDGER_FILE, RECIPE_FILE]):
        path = write_recipe(planned)
        _enter(planned, planned.runs)
    words = [executable("mix"), "proxies", str(path), "--only"]
    return [f"cd {shlex.quote(os.getcwd())} && {shlex.join([*words, run.name])}" for run in planned.open_runs(planned.ledger.read())]


def _execute(planned: Plan, runs: Sequence[Run]) -> dict[str, str]:
    """Execute runs; returns the errors of those that failed, by name."""
    recipe = planned.recipe
    execution = Execution(planned.ledger, lambda name: run_folder(recipe, name), recipe.workers, recipe.gpus, recipe.out / "replaced")
    execution.execute(runs)
    return execution.errors


def _gather(planned: Plan, errors: Mapping[str, str]) -> int:
    """Write OUT/runs.csv from all finished runs of the ledger, those of earlier recipes among them; returns their number."""
    entries = planned.ledger.read()
    folders = [run_folder(planned.recipe, name) for name, entry in entries.items() if entry.status == "done"]
    try:
        if folders:
            table, notes = gather(folders)
            write_runs(planned.recipe.out / TABLE_FILE, table)
            for note in notes:
                logging.info("%s", note)
    except MixError:
        _refuse_failures(errors, len(planned.runs))  # these come first: they may be why nothing can be gathered
        raise
    return len(folders)


def _refuse_failures(errors: Mapping[str, str], n_runs: int) -> None:
    """Raise MixError that names the runs that failed, if any did."""
    if errors:
        shown = "; ".join(f"{name}: {error}" for name, error in list(errors.items())[:_MOST_SHOWN])
        more = f"; and {len(errors) - _MOST_SHOWN} more" if len(errors) > _MOST_SHOWN else ""
        raise MixError(f"{len(errors)} of {n_runs} runs failed: {shown}{more}; the others are done. Mend the cause and run again")


def _enter(planned: Plan, runs: Sequence[Run]) -> None:
    planned.ledger.add({run.name: entry_of(run) for run in runs})


def entry_of(run: Run) -> Entry:
    """The entry of a run that has not begun."""
    return Entry(kind=run.proxy.kind, shares=run.proxy.shares, tokens=run.trained_tokens, keys=run.keys)


def _with_needs(planned: Plan, wanted: Run) -> list[Run]:
    """The runs that `wanted` needs, and it."""
    return [*(planned.run_named(name) for name in wanted.needs), wanted]


def _written_out(recipe: ProxiesRecipe, templates: Templates) -> ProxiesRecipe:
    """The recipe with the ratios of a file or a fit listed in it, so that it means the same when these have changed."""
    if not isinstance(recipe.design, PointsRecipe | NextRecipe):
        return recipe
    names = templates.sources.names
    points = [
        {"shares": {name: share for name, share in zip(names, ratio.shares, strict=True) if share > 0}, "repeats": ratio.repeats}
        for ratio in ratios(recipe, templates.sources)
    ]
    design = PointsRecipe.model_validate({"kind": "points", "points": points, "confirmation": kind_of(recipe) == "confirmation"})
    return recipe.model_copy(update={"design": design, "seeds": None})


def _plain(value: Any) -> Any:
    """A value of a recipe as YAML values, with the keys that say where and how fast."""
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value
