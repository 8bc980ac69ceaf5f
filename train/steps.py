"""Which rows of the mix each optimizer step takes.

A step takes the next `batch_rows` rows. Its rows have one length, and their number belongs to one stage's setting, so a step ends early where the row
length or `batch_rows` changes, and where the rows of the mix end. Such a partial step is trained like every other: its loss is divided by its own
number of targets.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from mix.stream import Mix
from train.errors import TrainError
from train.recipe import TrainRecipe

_PASS = re.compile(r" \d+/\d+$")
"""What the plan appends to the name of a stage of several passes."""


class StageRows(NamedTuple):
    """A stage of the mix as steps see it: rows of the run from `first_row` on, each of `row_tokens` tokens, `batch_rows` of them in a step."""

    name: str
    first_row: int
    row_tokens: int
    batch_rows: int


@dataclass(frozen=True)
class Section:
    """Consecutive steps whose rows have one length: rows `[first_row, stop_row)`, `batch_rows` in each step but the last, which takes what is left."""

    first_row: int
    stop_row: int
    row_tokens: int
    batch_rows: int

    @property
    def tokens_per_step(self) -> int:
        """Tokens of a full step, including padding."""
        return self.batch_rows * self.row_tokens

    @property
    def n_steps(self) -> int:
        """Steps of the section."""
        return -(-(self.stop_row - self.first_row) // self.batch_rows)

    @property
    def last_rows(self) -> int:
        """Rows of the section's last step."""
        return self.stop_row - self.first_row - (self.n_steps - 1) * self.batch_rows


class Steps:
    """The steps of a run on `n_rows` rows of a mix with these stages. Steps are counted from 0 unless a docstring says otherwise."""

    def __init__(self, stages: Sequence[StageRows], n_rows: int, asked: int | None = None) -> None:
        """`asked`: number of steps; None: all that the rows make. Raises TrainError if the rows make fewer, or none."""
        self.stages = tuple(stages)
        self.sections = _sections(stages, n_rows)
        self._firsts = list(accumulate((section.n_steps for section in self.sections), initial=0))
        """first step of each section, and the number of steps that the rows make"""
        available = self._firsts[-1]
        if (asked or 1) > available:
            raise TrainError(_too_few(asked or 1, available, self.sections, n_rows))
        self.n_steps: int = asked or available
        self.n_rows: int = self.rows(self.n_steps - 1).stop
        """rows of the run that its steps take"""

    @property
    def longest_row(self) -> int:
        """Tokens of the longest rows."""
        return max(section.row_tokens for section in self.sections)

    def micro_batch_rows(self, step: int, most: int) -> int:
        """Rows of `step` in one pass of a process: as many as have the tokens of `most` of the longest rows."""
        return most * (self.longest_row // self.section(step).row_tokens)

    def in_longest_rows(self, recipe: TrainRecipe) -> TrainRecipe:
        """The recipe with one `batch_rows`, in rows of the longest length, for planning: no pass of the run has more tokens than one of its."""
        rows = max(-(-section.tokens_per_step // self.longest_row) for section in self.sections)
        return recipe.model_copy(update={"batch_rows": rows})

    def section(self, step: int) -> Section:
        """The section that contains `step`."""
        return self.sections[bisect_right(self._firsts, step) - 1]

    def rows(self, step: int) -> range:
        """Rows of the run that `step` takes."""
        number = bisect_right(self._firsts, step) - 1
        section = self.sections[number]
        first = section.first_row + (step - self._firsts[number]) * section.batch_rows
        return range(first, min(first + section.batch_rows, section.stop_row))

    def rows_before(self, step: int) -> int:
        """Rows that the steps before `step` take; `step` may be the number of steps."""
        return self.rows(step - 1).stop if step else 0

    def step_of(self, row: int) -> int:
        """The step that takes `row`."""
        number = bisect_right([section.first_row for section in self.sections], row) - 1
        return self._firsts[number] + (row - self.sections[number].first_row) // self.sections[number].batch_rows

    def stage_ends(self) -> list[tuple[str, int]]:
        """(name, last step counted from 1) of each stage; a step belongs to the stage of its first row. May exceed `n_steps`."""
        ends = [stage.first_row for stage in self.stages[1:]] + [self.sections[-1].stop_row]
        return [(stage.name, self.step_of(end - 1) + 1 if end else 0) for stage, end in zip(self.stages, ends, strict=True)]


def steps_of(mix: Mix, recipe: TrainRecipe) -> Steps:
    """The steps of a run of `recipe` on `mix`. Raises TrainError for a mix with too few rows."""
    batch_rows = _batch_rows(recipe.batch_rows, [stage.name for stage in mix.plan.stages])
    stages = [StageRows(stage.name, stage.first_row, stage.row_tokens, rows) for stage, rows in zip(mix.plan.stages, batch_rows, strict=True)]
    return Steps(stages, mix.n_rows, recipe.steps)


def _batch_rows(given: int | dict[str, int], stages: Sequence[str]) -> list[int]:
    """Rows of a step in each stage. Passes of a stage, `NAME 1/3`, may be given together as NAME."""
    if isinstance(given, int):
        return [given] * len(stages)
    names = [stage if stage in given else _PASS.sub("", stage) for stage in stages]
    unknown, missing = [name for name in given if name not in names], [stage for stage, name in zip(stages, names, strict=True) if name not in given]
    if unknown or missing:
        what = f"the mix has no stage {', '.join(unknown)}" if unknown else f"nothing for stage {', '.join(missing)} of the mix"
        raise TrainError(f"batch_rows: {what}; give one number, or one for each of {', '.join(dict.fromkeys(names))}")
    return [given[name] for name in names]


def _sections(stages: Sequence[StageRows], n_rows: int) -> tuple[Section, ...]:
    sections: list[Section] = []
    for stage, stop in zip(stages, [*(stage.first_row for stage in stages[1:]), n_rows], strict=True):
        if stop == stage.first_row:
            continue
        last = sections[-1] if sections else None
        if last is not None and (last.row_tokens, last.batch_rows) == (stage.row_tokens, stage.batch_rows):
            sections[-1] = Section(last.first_row, stop, last.row_tokens, last.batch_rows)
        else:
            sections.append(Section(stage.first_row, stop, stage.row_tokens, stage.batch_rows))
    return tuple(sections)


def _too_few(asked: int, available: int, sections: Sequence[Section], n_rows: int) -> str:
    if not sections:
        return "the mix has no rows; build a mix of more tokens"
    sizes = ", then ".join(f"{section.batch_rows}" for section in sections)
    return (
        f"{asked} steps need more rows: the mix has {n_rows} rows, {available} steps of {sizes} rows; lower steps or batch_rows, or build a mix of more tokens"
    )
