"""What the stages of a recipe request from its sources, once their sizes are known."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mix.budget import Cap, spill
from mix.errors import MixError
from mix.pieces import Pieces, pieces
from mix.recipe import EpochsRecipe, StageRecipe
from mix.shares import Shares
from mix.weights import Array, Weight


class SourceSize(NamedTuple):
    """A source that rows are drawn from: its name, the recipe's source that it belongs to, its real tokens, and a second name by which a recipe may
    refer to it: `label`, with its group's value as the documents have it."""

    name: str
    parent: str
    n_tokens: int
    label: str = ""


class StagePlan(NamedTuple):
    """Stages as linear pieces."""

    names: list[str]
    """stage names; passes of a stage are numbered"""
    shares: Shares
    """by piece"""
    stage: NDArray[np.int64]
    """(n_pieces,): stage of each piece"""
    row_tokens: NDArray[np.int64]
    """(n_stages,): tokens per row of each stage"""
    error: Array
    """(n_stages,): largest difference between a share on its curve and on its linear piece"""

    @property
    def tokens(self) -> Array:
        """(n_stages,): real tokens of each stage."""
        return np.bincount(self.stage, self.shares.piece_tokens).astype(np.float64)

    def by_packing(self, packings: Sequence[tuple[int, int]]) -> "StagePlan":
        """The same stages with shares of packed sources, given as (index of the source, tokens per row): each share goes to the rows of the stage's
        length. Raises KeyError if a packing is missing that a stage draws from."""
        column = {packing: number for number, packing in enumerate(packings)}
        begin, end = (np.zeros((len(self.stage), len(packings))) for _ in range(2))
        for piece, stage in enumerate(self.stage.tolist()):
            for source in np.flatnonzero(self.shares.begin[piece] + self.shares.end[piece]).tolist():
                number = column[source, int(self.row_tokens[stage])]
                begin[piece, number], end[piece, number] = self.shares.begin[piece, source], self.shares.end[piece, source]
        return self._replace(shares=self.shares._replace(begin=begin, end=end))

    @property
    def asked(self) -> Array:
        """(n_stages, n_sources): tokens requested from each source in each stage."""
        tokens = np.zeros((len(self.names), self.shares.begin.shape[1]))
        np.add.at(tokens, self.stage, np.diff(self.shares.cumulative, axis=0))
        return tokens


def plan_stages(stages: Sequence[StageRecipe], sources: Sequence[SourceSize], row_tokens: int) -> StagePlan:
    """Pieces of all stages, pass after pass; `row_tokens` is the row length of stages that give none. Raises MixError for a stage whose weights or
    amounts these sources cannot meet."""
    _refuse_unknown(stages, sources)
    names: list[str] = []
    tokens: list[Array] = []
    all_pieces: list[Pieces] = []
    stage_of: list[int] = []
    for stage in stages:
        total, stage_pieces = _stage_pieces(stage, sources)
        for number in range(1, stage.passes + 1):
            stage_of += [len(names)] * len(stage_pieces.begin)
            names.append(f"{stage.name} {number}/{stage.passes}" if stage.passes > 1 else stage.name)
            tokens.append(np.diff(stage_pieces.bounds) * total)
            all_pieces.append(stage_pieces)
    shares = Shares(
        np.concatenate(tokens),
        np.concatenate([stage_pieces.begin for stage_pieces in all_pieces]),
        np.concatenate([stage_pieces.end for stage_pieces in all_pieces]),
    )
    lengths = [stage.row_tokens or row_tokens for stage in stages for _ in range(stage.passes)]
    return StagePlan(names, shares, np.array(stage_of), np.array(lengths), np.array([stage_pieces.error for stage_pieces in all_pieces]))


def spill_stages(stages: StagePlan, caps: Mapping[str, Cap]) -> tuple[StagePlan, list[str]]:
    """Stages that request at most the cap of each source, in the order of `caps`, and the names of the sources that were capped; see `budget.spill`."""
    shares, capped = spill(stages.shares, np.array([cap.tokens for cap in caps.values()]), list(caps))
    return stages._replace(shares=shares), [name for number, name in enumerate(caps) if number in capped]


def _refuse_unknown(stages: Sequence[StageRecipe], sources: Sequence[SourceSize]) -> None:
    known = {source.name for source in sources} | {source.parent for source in sources} | {source.label for source in sources}
    unknown = sorted({name for stage in stages for name in (*stage.weights, *stage.amounts)} - known)
    if unknown:
        raise MixError(f"weights for {', '.join(unknown)}, but the sources are {', '.join(source.name for source in sources)}")
    for stage in stages:
        asked = {*stage.weights, *stage.amounts}
        repeated = next((source for source in sources if source.label != source.name and {source.name, source.label} <= asked), None)
        if repeated:
            raise MixError(f"stage {stage.name}: {repeated.label} and {repeated.name} are one source; name it once")


def _stage_pieces(stage: StageRecipe, sources: Sequence[SourceSize]) -> tuple[float, Pieces]:
    """Tokens of one pass of a stage, and its pieces."""
    asked = _asked(stage, sources)
    amounts = np.array([_amount(stage, *pair) for pair in zip(sources, asked, strict=True)])
    total = stage.tokens if stage.tokens is not None else float(amounts.sum())
    if amounts.sum() > total * (1 + 1e-12):
        raise MixError(f"stage {stage.name}: its amounts are {amounts.sum():,.0f} tokens, but the stage has {total:,.0f}; lengthen it or lower the amounts")
    if not total:
        raise MixError(f"stage {stage.name}: its amounts are 0 tokens, because the sources hold none")
    weighed = [_weight(stage, *pair) for pair in zip(sources, asked, strict=True)]
    stage_pieces = pieces([weight for weight, _ in weighed], np.array([factor for _, factor in weighed]), amounts / total)
    if not np.allclose(stage_pieces.begin.sum(axis=1), 1) or not np.allclose(stage_pieces.end.sum(axis=1), 1):
        raise MixError(f"stage {stage.name}: at some point no source with tokens has a weight; give weights to sources that are not empty")
    return total, stage_pieces


class _Asked(NamedTuple):
    """How a stage refers to a source: the `name` it uses, and the source's part by size of what is requested under that name."""

    name: str
    part: float


def _asked(stage: StageRecipe, sources: Sequence[SourceSize]) -> list[_Asked]:
    names = [_asked_as(stage, source) for source in sources]
    sizes: Counter[str] = Counter()
    for name, source in zip(names, sources, strict=True):
        sizes[name] += source.n_tokens
    return [_Asked(name, source.n_tokens / sizes[name] if sizes[name] else 1.0) for name, source in zip(names, sources, strict=True)]


def _asked_as(stage: StageRecipe, source: SourceSize) -> str:
    """The name under which a stage refers to a source: its own, its label, or else its parent's."""
    own_names = (name for name in (source.name, source.label) if name in stage.amounts or name in stage.weights)
    return next(own_names, source.parent)


def _amount(stage: StageRecipe, source: SourceSize, asked: _Asked) -> float:
    """Tokens that a stage's `amounts` request from a source."""
    amount = stage.amounts.get(asked.name)
    if isinstance(amount, EpochsRecipe):
        return amount.epochs * source.n_tokens
    return float(amount or 0) * asked.part


def _weight(stage: StageRecipe, source: SourceSize, asked: _Asked) -> tuple[Weight, float]:
    """A source's weight, and the factor for it."""
    default = 1.0 if stage.temperature is not None and not stage.weights and asked.name not in stage.amounts else 0.0
    weight = stage.weights.get(asked.name, default)
    if stage.temperature is not None:
        return weight, float(source.n_tokens) ** (1 / stage.temperature)
    return weight, asked.part
