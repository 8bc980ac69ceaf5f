"""Finds the outputs of `evaluate run`, `evaluate watch`, `train` and `mix suggest`, and tables of runs, below some folders."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eval.errors import EvalError
from eval.frontier.evaluations import Evaluation, read_evaluation
from eval.frontier.runs import TrainRun, read_run
from eval.frontier.table import RunsTable, read_table
from eval.suggestion import SuggestionRecord, read_suggestion
from shards.errors import CptkitError

_NOT_SEARCHED = frozenset(("checkpoints", "model", "model-ema", "adapter", "work", "tensorboard", "wandb", "documents", "held_out", "rows"))
_EXPECTED = "give output folders of `evaluate run`, `evaluate watch`, `train` or `mix suggest`, folders that hold them, or a table of runs (.csv)"


@dataclass
class Found:
    """Outputs in sorted order of their folders; `problems` says what was left out and why."""

    evaluations: list[Evaluation] = field(default_factory=list)
    runs: list[TrainRun] = field(default_factory=list)
    suggestions: dict[str, SuggestionRecord] = field(default_factory=dict)
    tables: list[RunsTable] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return not (self.evaluations or self.runs or self.suggestions or self.tables)


def find(paths: Sequence[Path]) -> Found:
    """Search `paths` and everything below them, each folder once; links are not followed. Raises EvalError for a path that does not exist, for one that
    holds nothing of ours, and for an output given by its own path that cannot be read; one found further below is left out with a note."""
    found, seen = Found(), set[Path]()
    for path in paths:
        before = _count(found)
        if path.is_file():
            found.tables.append(read_table(path))
        elif not path.is_dir():
            raise EvalError(f"{path}: no such folder; {_EXPECTED}")
        for folder, names in _folders_below(path):
            if folder.resolve() in seen:
                before = -1  # it was found under another path
                continue
            seen.add(folder.resolve())
            try:
                _add(found, path, folder, names)
            except CptkitError as problem:
                if folder == path:
                    raise
                found.problems.append(f"left out: {problem}")
        if _count(found) == before and not found.problems:
            raise EvalError(f"{path}: {_why_nothing(path)}; {_EXPECTED}")
    return found


def _why_nothing(top: Path) -> str:
    """What a folder holds in which nothing was found."""
    for folder, names in _folders_below(top):
        if "tasks.json" in names:
            return f"holds tasks ({folder / 'tasks.json'}), but no scores of `evaluate run`"
        if (folder / "work").is_dir():
            return f"holds an evaluation that is not finished ({folder / 'work'} without summary.json); run its command again to finish it"
    return "holds no output of ours"


def _count(found: Found) -> int:
    return len(found.evaluations) + len(found.runs) + len(found.suggestions) + len(found.tables)


def _folders_below(top: Path) -> Iterator[tuple[Path, set[str]]]:
    """Each folder with the names of its files, parents first, in sorted order."""
    for folder, inner, files in os.walk(top):
        inner[:] = sorted(name for name in inner if not name.startswith(".") and name not in _NOT_SEARCHED)
        yield Path(folder), set(files)


def _add(found: Found, top: Path, folder: Path, names: set[str]) -> None:
    label = _label(top, folder)
    if "summary.json" in names:
        found.evaluations.append(read_evaluation(folder, label))
    if {"run.json", "metrics.jsonl"} <= names:
        found.runs.append(read_run(folder, label))
    if "suggestion.json" in names:
        found.suggestions[_new(label, found.suggestions)] = read_suggestion(folder, str(folder))
    if "runs.csv" in names and not {"fit.json", "suggestion.json"} & names:  # beside those it is a copy of a fit's input
        found.tables.append(read_table(folder / "runs.csv"))


def _label(top: Path, folder: Path) -> str:
    """A short name: the folder below the one that was given, without a last part that says only what it holds."""
    parts = [part for part in folder.relative_to(top).parts]
    named = [*parts] if parts else [top.resolve().name]
    while len(named) > 1 and named[-1] in ("train", "scores"):
        named.pop()
    if not parts and named[-1] in ("train", "scores"):
        named = [top.resolve().parent.name]
    return "/".join(named)


def _new(label: str, taken: dict[str, SuggestionRecord]) -> str:
    number = 2
    name = label
    while name in taken:
        name, number = f"{label} ({number})", number + 1
    return name
