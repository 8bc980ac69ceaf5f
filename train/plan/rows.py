"""The rows, tokens and documents that a run reads, and its epochs of each source."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mix.stream import Mix

_SAMPLE_ROWS = 512
"""Rows sampled for the lengths of documents, evenly spread over the run."""


@dataclass(frozen=True)
class StageRows:
    """The part of a stage that the run reaches; `first_step` counts from 1. `epochs` are real tokens divided by the source's tokens."""

    name: str
    first_step: int
    n_rows: int
    tokens: dict[str, int]
    epochs: dict[str, float]


@dataclass(frozen=True)
class RunRows:
    """The data of a run of `n_steps`. `tokens` excludes padding. `document_tokens` (n,) int64: lengths of documents, or pieces of documents, in
    `sampled_rows` sampled rows."""

    row_tokens: int
    n_steps: int
    n_rows: int
    tokens: int
    stages: tuple[StageRows, ...]
    document_tokens: np.ndarray
    sampled_rows: int

    @property
    def padding(self) -> float:
        """Share of the rows' tokens that is padding."""
        return 1 - self.tokens / (self.n_rows * self.row_tokens)


def rows_of_mix(mix: Mix, n_steps: int, batch_rows: int) -> RunRows:
    """The data of the first `n_steps` batches of a mix."""
    n_rows = n_steps * batch_rows
    numbers = np.unique(np.linspace(0, n_rows - 1, min(n_rows, _SAMPLE_ROWS)).astype(np.int64))
    lengths = mix.take(numbers).seg_lengths.astype(np.int64)
    stages = _stages(mix, n_rows, batch_rows)
    return RunRows(mix.row_tokens, n_steps, n_rows, int(mix.tokens_before(n_rows).sum()), stages, lengths, len(numbers))


def rows_without_mix(row_tokens: int, tokens: int, batch_rows: int, n_steps: int | None) -> RunRows:
    """A run on `tokens` tokens without a mix: full rows of one document each."""
    steps = n_steps or max(1, tokens // (row_tokens * batch_rows))
    n_rows = steps * batch_rows
    return RunRows(row_tokens, steps, n_rows, n_rows * row_tokens, (), np.array([row_tokens]), 1)


def _stages(mix: Mix, n_rows: int, batch_rows: int) -> tuple[StageRows, ...]:
    firsts: Sequence[int] = [stage.first_row for stage in mix.plan.stages]
    reached = []
    for stage, first, stop in zip(mix.plan.stages, firsts, [*firsts[1:], mix.n_rows], strict=True):
        stop = min(stop, n_rows)
        if first >= stop:
            break
        counts = mix.tokens_before(stop) - mix.tokens_before(first)
        tokens = {source.name: int(count) for source, count in zip(mix.plan.sources, counts, strict=True)}
        epochs = {source.name: tokens[source.name] / source.n_tokens for source in mix.plan.sources}
        reached.append(StageRows(stage.name, first // batch_rows + 1, stop - first, tokens, epochs))
    return tuple(reached)
