"""The rows, tokens and documents that a run reads, and its epochs of each source."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mix.stream import Mix
from train.steps import StageRows, Steps

_SAMPLE_ROWS = 512
"""Rows sampled for the lengths of documents, evenly spread over the run."""


@dataclass(frozen=True)
class StageData:
    """The part of a stage that the run reaches; `first_step` counts from 1. A full step has `step_tokens` tokens, including padding. `epochs` are real
    tokens divided by the source's tokens."""

    name: str
    first_step: int
    row_tokens: int
    step_tokens: int
    n_rows: int
    tokens: dict[str, int]
    epochs: dict[str, float]


@dataclass(frozen=True)
class RunRows:
    """The data of a run of `n_steps`, the last of which takes `last_rows` of at most `step_rows` rows. `row_tokens`: of the longest rows. `tokens`
    excludes padding. `document_tokens` (n,) int64: lengths of documents, or pieces of documents, in `sampled_rows` sampled rows."""

    row_tokens: int
    n_steps: int
    step_rows: int
    last_rows: int
    n_rows: int
    tokens: int
    stages: tuple[StageData, ...]
    document_tokens: np.ndarray
    sampled_rows: int

    @property
    def padding(self) -> float:
        """Share of the rows' tokens that is padding."""
        return 1 - self.tokens / sum(n_rows * row_tokens for row_tokens, n_rows, _ in self.by_length)

    @property
    def by_length(self) -> list[tuple[int, int, int]]:
        """Tokens per row, rows, and real tokens of the parts of the run."""
        if not self.stages:
            return [(self.row_tokens, self.n_rows, self.tokens)]
        return [(stage.row_tokens, stage.n_rows, sum(stage.tokens.values())) for stage in self.stages]


def rows_of_mix(mix: Mix, steps: Steps) -> RunRows:
    """The data of a run on a mix."""
    n_rows = steps.n_rows
    numbers = np.unique(np.linspace(0, n_rows - 1, min(n_rows, _SAMPLE_ROWS)).astype(np.int64))
    lengths = mix.take(numbers).seg_lengths.astype(np.int64)
    stages = _stages(mix, steps)
    last, tokens = steps.n_steps - 1, int(mix.tokens_before(n_rows).sum())
    longest = max(stage.row_tokens for stage in stages)
    return RunRows(longest, steps.n_steps, steps.section(last).batch_rows, len(steps.rows(last)), n_rows, tokens, stages, lengths, len(numbers))


def rows_without_mix(row_tokens: int, tokens: int, batch_rows: int, n_steps: int | None) -> RunRows:
    """A run on `tokens` tokens without a mix: full rows of one document each. Raises TrainError if they make fewer than `n_steps` steps."""
    steps = Steps([StageRows("all", 0, row_tokens, batch_rows)], -(-tokens // row_tokens), n_steps)
    read = min(tokens, steps.n_rows * row_tokens)
    return RunRows(row_tokens, steps.n_steps, batch_rows, len(steps.rows(steps.n_steps - 1)), steps.n_rows, read, (), np.array([row_tokens]), 1)


def _stages(mix: Mix, steps: Steps) -> tuple[StageData, ...]:
    firsts: Sequence[int] = [stage.first_row for stage in mix.plan.stages]
    available = {source.name: source.n_tokens for source in mix.plan.sources}
    reached = []
    for stage, first, stop in zip(mix.plan.stages, firsts, [*firsts[1:], mix.n_rows], strict=True):
        stop = min(stop, steps.n_rows)
        if first >= stop:
            continue
        counts = mix.tokens_before(stop) - mix.tokens_before(first)
        tokens = dict(zip(mix.sources, counts.tolist(), strict=True))
        epochs = {name: tokens[name] / available[name] for name in mix.sources}
        section = steps.section(steps.step_of(first))
        reached.append(StageData(stage.name, steps.step_of(first) + 1, section.row_tokens, section.tokens_per_step, stop - first, tokens, epochs))
    return tuple(reached)
