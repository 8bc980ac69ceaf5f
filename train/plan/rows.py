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
    """The part of a stage that the run reaches; `first_step` counts from 1. `epochs` are real tokens divided by the source's tokens."""

    name: str
    first_step: int
    n_rows: int
    tokens: dict[str, int]
    epochs: dict[str, float]


@dataclass(frozen=True)
class RunRows:
    """The data of a run of `n_steps`, the last of which takes `last_rows` rows. `tokens` excludes padding. `document_tokens` (n,) int64: lengths of
    documents, or pieces of documents, in `sampled_rows` sampled rows."""

    row_tokens: int
    n_steps: int
    last_rows: int
    n_rows: int
    tokens: int
    stages: tuple[StageData, ...]
    document_tokens: np.ndarray
    sampled_rows: int

    @property
    def padding(self) -> float:
        """Share of the rows' tokens that is padding."""
        return 1 - self.tokens / (self.n_rows * self.row_tokens)


def rows_of_mix(mix: Mix, steps: Steps) -> RunRows:
    """The data of a run on a mix."""
    n_rows = steps.n_rows
    numbers = np.unique(np.linspace(0, n_rows - 1, min(n_rows, _SAMPLE_ROWS)).astype(np.int64))
    lengths = mix.take(numbers).seg_lengths.astype(np.int64)
    stages = _stages(mix, steps)
    return RunRows(
        mix.row_tokens, steps.n_steps, len(steps.rows(steps.n_steps - 1)), n_rows, int(mix.tokens_before(n_rows).sum()), stages, lengths, len(numbers)
    )


def rows_without_mix(row_tokens: int, tokens: int, batch_rows: int, n_steps: int | None) -> RunRows:
    """A run on `tokens` tokens without a mix: full rows of one document each. Raises TrainError if they make fewer than `n_steps` steps."""
    steps = Steps([StageRows("all", 0, row_tokens, batch_rows)], -(-tokens // row_tokens), n_steps)
    read = min(tokens, steps.n_rows * row_tokens)
    return RunRows(row_tokens, steps.n_steps, len(steps.rows(steps.n_steps - 1)), steps.n_rows, read, (), np.array([row_tokens]), 1)


def _stages(mix: Mix, steps: Steps) -> tuple[StageData, ...]:
    firsts: Sequence[int] = [stage.first_row for stage in mix.plan.stages]
    reached = []
    for stage, first, stop in zip(mix.plan.stages, firsts, [*firsts[1:], mix.n_rows], strict=True):
        stop = min(stop, steps.n_rows)
        if first >= stop:
            break
        counts = mix.tokens_before(stop) - mix.tokens_before(first)
        tokens = {source.name: int(count) for source, count in zip(mix.plan.sources, counts, strict=True)}
        epochs = {source.name: tokens[source.name] / source.n_tokens for source in mix.plan.sources}
        reached.append(StageData(stage.name, steps.step_of(first) + 1, stop - first, tokens, epochs))
    return tuple(reached)
