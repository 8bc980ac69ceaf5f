"""What the stages of a recipe ask of its sources, once their sizes are known."""

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
    """A source that rows are drawn from: its name, the recipe's source that it is (a group of), its real tokens, and under which other name a recipe
    may ask for it: with the value of its group as the documents have it."""

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
    error: Array
    """(n_stages,): largest difference between a share on its curve and on its linear piece"""

    @property
    def tokens(self) -> Array:
        """(n_stages,): real tokens of each stage."""
        return np.bincount(self.stage, self.shares.piece_tokens).astype(np.float64)

    @property
    def asked(self) -> Array:
        """(n_stages, n_sources): tokens asked of each source in each stage."""
        found = np.zeros((len(self.names), self.shares.begin.shape[1]))
        np.add.at(found, self.stage, np.diff(self.shares.cumulative, axis=0))
        return found


def plan_stages(stages: Sequence[StageRecipe], sources: Sequence[SourceSize]) -> StagePlan:
    """Pieces of all stages, pass after pass. Raises MixError for a stage whose weights or amounts cannot be had from these sources."""
    _refuse_strangers(stages, sources)
    names: list[str] = []
    tokens: list[Array] = []
    found_pieces: list[Pieces] = []
    stage_of: list[int] = []
    for stage in stages:
        total, found = _stage_pieces(stage, sources)
        for number in range(1, stage.passes + 1):
            stage_of += [len(names)] * len(found.begin)
            names.append(f"{stage.name} {number}/{stage.passes}" if stage.passes > 1 else stage.name)
            tokens.append(np.diff(found.bounds) * total)
            found_pieces.append(found)
    shares = Shares(np.concatenate(tokens), np.concatenate([found.begin for found in found_pieces]), np.concatenate([found.end for found in found_pieces]))
    return StagePlan(names, shares, np.array(stage_of), np.array([found.error for found in found_pieces]))


def spill_stages(stages: StagePlan, caps: Mapping[str, Cap]) -> tuple[StagePlan, list[str]]:
    """Stages that ask no source, in the order of `caps`, for more than it may give, and the sources held back; see `budget.spill`."""
    shares, held = spill(stages.shares, np.array([cap.tokens for cap in caps.values()]), list(caps))
    return stages._replace(shares=shares), [name for number, name in enumerate(caps) if number in held]


def _refuse_strangers(stages: Sequence[StageRecipe], sources: Sequence[SourceSize]) -> None:
    known = {source.name for source in sources} | {source.parent for source in sources} | {source.label for source in sources}
    strangers = sorted({name for stage in stages for name in (*stage.weights, *stage.amounts)} - known)
    if strangers:
        raise MixError(f"weights for {', '.join(strangers)}, but the sources are {', '.join(source.name for source in sources)}")
    for stage in stages:
        asked = {*stage.weights, *stage.amounts}
        twice = next((source for source in sources if source.label != source.name and {source.name, source.label} <= asked), None)
        if twice:
            raise MixError(f"stage {stage.name}: {twice.label} and {twice.name} are one source; ask for it once")


def _stage_pieces(stage: StageRecipe, sources: Sequence[SourceSize]) -> tuple[float, Pieces]:
    """Tokens of one pass of a stage, and its pieces."""
    asked = _asked(stage, sources)
    amounts = np.array([_amount(stage, *pair) for pair in zip(sources, asked, strict=True)])
    total = stage.tokens if stage.tokens is not None else float(amounts.sum())
    if amounts.sum() > total * (1 + 1e-12):
        raise MixError(
            f"stage {stage.name}: its amounts are {amounts.sum():,.0f} tokens, but the stage has {total:,.0f}; make it longer or the amounts smaller"
        )
    if not total:
        raise MixError(f"stage {stage.name}: its amounts come to no tokens, as the sources hold none")
    weighed = [_weight(stage, *pair) for pair in zip(sources, asked, strict=True)]
    found = pieces([weight for weight, _ in weighed], np.array([factor for _, factor in weighed]), amounts / total)
    if not np.allclose(found.begin.sum(axis=1), 1) or not np.allclose(found.end.sum(axis=1), 1):
        raise MixError(f"stage {stage.name}: no source that holds tokens has a weight in all of it; give weights to sources that are not empty")
    return total, found


class _Asked(NamedTuple):
    """What a stage asks of a source: the `name` under which it does, and the source's part of what is asked under it, by size."""

    name: str
    part: float


def _asked(stage: StageRecipe, sources: Sequence[SourceSize]) -> list[_Asked]:
    names = [_asked_as(stage, source) for source in sources]
    sizes: Counter[str] = Counter()
    for name, source in zip(names, sources, strict=True):
        sizes[name] += source.n_tokens
    return [_Asked(name, source.n_tokens / sizes[name] if sizes[name] else 1.0) for name, source in zip(names, sources, strict=True)]


def _asked_as(stage: StageRecipe, source: SourceSize) -> str:
    """The name under which a stage asks for a source: its own, that of its value, else that of the source that it is a group of."""
    own = (name for name in (source.name, source.label) if name in stage.amounts or name in stage.weights)
    return next(own, source.parent)


def _amount(stage: StageRecipe, source: SourceSize, asked: _Asked) -> float:
    """Tokens that a stage's `amounts` ask of a source."""
    amount = stage.amounts.get(asked.name)
    if isinstance(amount, EpochsRecipe):
        return amount.epochs * source.n_tokens
    return float(amount or 0) * asked.part


def _weight(stage: StageRecipe, source: SourceSize, asked: _Asked) -> tuple[Weight, float]:
    """A source's weight, and what it is multiplied by."""
    unnamed = 1.0 if stage.temperature is not None and not stage.weights and asked.name not in stage.amounts else 0.0
    weight = stage.weights.get(asked.name, unnamed)
    if stage.temperature is not None:
        return weight, float(source.n_tokens) ** (1 / stage.temperature)
    return weight, asked.part
