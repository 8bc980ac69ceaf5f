"""Reads ready suites into tasks."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from eval.errors import EvalError
from eval.tasks.items import Task, check_task
from eval.tasks.suites.contents import Contents
from eval.tasks.suites.discover import require_folder
from eval.tasks.suites.shots import with_examples
from eval.tasks.suites.suite import Suite
from eval.tasks.suites.table import SUITES


def suite_called(name: str) -> Suite:
    """The suite of this name. Raises EvalError, with the nearest name, if there is none."""
    if name not in SUITES:
        near = difflib.get_close_matches(name, SUITES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ";"
        raise EvalError(f"no suite is called {name}{hint} `evaluate suites` lists all {len(SUITES)}")
    return SUITES[name]


def read_suite(name: str, suite: str, path: Path, *, only: Sequence[str] = (), shots: int | None = None, limit: int | None = None, seed: int = 0) -> list[Task]:
    """The tasks of a suite: one, called `name`, or several, called `name.PART`, where parts are scored in different ways.

    Of each task at most `limit` items are taken, a fixed random sample with the same share of every subtask. `shots`: examples before each question; None:
    as many as the stock task of lm-evaluation-harness has. Raises EvalError for files that are missing, damaged or without right answers.
    """
    described = suite_called(suite)
    require_folder(path, suite, described.get)
    parts = described.read(path, only)
    if not any(part.items for part in parts):
        raise EvalError(f"suite {suite}: {path} holds none of its files ({described.reads}); to get them: {described.get}")
    return [_task(name, described, part, path, shots, limit, seed) for part in parts]


def _task(name: str, suite: Suite, part: Contents, path: Path, shots: int | None, limit: int | None, seed: int) -> Task:
    where = f"suite {suite.name}"
    if part.shots and shots not in (None, part.shots):
        raise EvalError(f"{where}: its contexts have {part.shots} examples written into them; leave out shots")
    n_shots = 0 if part.shots else suite.shots if shots is None else shots
    taken = with_examples(part, n_shots, part.delimiter, limit, seed, where)
    source = {"path": path.name, "items": len(part.items), "published_items": suite.n_items}
    return check_task(
        Task(
            f"{name}.{part.name}" if part.name else name,
            suite.name,
            part.kind,
            tuple(taken),
            delimiter=part.delimiter,
            accuracy=part.accuracy,
            generation=part.generation,
            shots=part.shots or n_shots,
            source=source,
        )
    )
