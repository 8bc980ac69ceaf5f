"""Extending a mix: what a recipe's `extends` refers to, and what must agree for its rows to stay as they are."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from mix.errors import MixError
from mix.plan import Plan, read_plan
from mix.preview import read_preview
from mix.recipe import MixRecipe
from mix.rows import Packable, has_rows
from mix.schedule import State
from mix.shares import Shares, cut, joined
from mix.source_order import Pacing
from mix.sources import TokenSource
from mix.stages import StagePlan
from shards.names import Count
from shards.read import ShardSet
from shards.record import read_record


class ExtendedMix:
    """The mix in `folder`, of which the first `rows` rows are kept. Raises MixError if it has fewer rows, or is not a readable mix."""

    def __init__(self, folder: Path, rows: int) -> None:
        mix = ShardSet(folder, "mix")
        self.folder, self.rows, self.manifest_hash = Path(folder), rows, mix.manifest.hash
        self.plan: Plan = read_plan(mix)
        if rows > self.plan.n_rows:
            raise MixError(f"extends.rows: {rows:,}, but {folder} has {self.plan.n_rows:,} rows; extend it at one of them, or at its end")

    @cached_property
    def state(self) -> State:
        """What its sources gave in the kept rows."""
        return self.plan.schedule.state(self.rows)

    @property
    def shares(self) -> Shares:
        """Shares in the kept rows."""
        return cut(self.plan.schedule.shares, self.state.position)

    @property
    def shares_at_the_end(self) -> tuple[list[str], NDArray[np.float64]]:
        """Sources with a share at the end of the kept rows, and their shares."""
        shares = self.shares.end[-1]
        drawn = np.flatnonzero(shares > 0)
        return [self.plan.sources[index].name for index in drawn], shares[drawn]

    @property
    def row_tokens(self) -> int:
        """Tokens of the last of the kept rows."""
        return [length.row_tokens for length in self.plan.schedule.lengths if length.first_row < self.rows][-1]

    @property
    def tokens_left(self) -> int:
        """Real tokens of this mix after the kept rows. Raises MixError if there are none."""
        left = self.plan.n_tokens - self.state.position
        if not left:
            raise MixError(f"{self.folder}: has no tokens after row {self.rows:,}; give the length of the new stage with --tokens")
        return left

    @property
    def info(self) -> dict[str, Any]:
        """What the manifest of the extending mix records of it."""
        return {"manifest_hash": self.manifest_hash, "plan_hash": self.plan.hash, "rows": self.rows}

    def asked(self, sources: Sequence[TokenSource]) -> NDArray[np.float64]:
        """(n_sources,): tokens requested from each source in the kept rows, of any length; within a row of what it gave."""
        return np.bincount(self.plan.source_numbers, self.shares.cumulative[-1], len(sources)).astype(np.float64)

    def in_order(self, sources: Sequence[TokenSource]) -> list[TokenSource]:
        """The sources of this mix in its order, then the new ones. Raises MixError if one of this mix is missing."""
        by_name = {source.name: source for source in sources}
        names = self.plan.source_names
        missing = [name for name in names if name not in by_name]
        if missing:
            raise MixError(
                f"sources: {', '.join(missing)} of the extended mix {self.folder} missing; list every source of it (without a weight it gives no more rows)"
            )
        return [by_name[name] for name in dict.fromkeys([*names, *by_name])]

    def rows_folder(self, packable: Packable) -> Path | None:
        """The folder of a source's packed rows in this mix; None for rows that it does not have."""
        key = packable.source.name, packable.packer.row_tokens
        planned = next((source for source in self.plan.sources if (source.name, source.row_tokens) == key), None)
        return None if planned is None else self.folder.joinpath(*self.plan.rows_folder(planned))

    def refuse_other_rows(self, recipe: MixRecipe, packables: Sequence[Packable], pacings: Sequence[Pacing | None]) -> None:
        """Raise MixError if the kept rows would differ: another seed, row length, tokens, packing, or order of a source."""
        for name, planned, asked in (("seed", self.plan.seed, recipe.seed), ("row_tokens", self.plan.row_tokens, recipe.row_tokens)):
            if planned != asked:
                raise MixError(f"{name}: {asked}, but the extended mix {self.folder} has {planned}; its rows can only be kept with the same {name}")
        for planned_source, packable, pacing in zip(self.plan.sources, packables, pacings, strict=False):
            folder, source = self.folder.joinpath(*self.plan.rows_folder(planned_source)), packable.source
            if not has_rows(folder, *packable):
                raise MixError(
                    f"source {source.name}: {folder} holds rows of other tokens, or in another packing; an extended mix keeps the tokens of its sources"
                )
            if planned_source.order != pacing:
                raise MixError(f"source {source.name}: its order differs from the extended mix {self.folder}; keep it, or add a source of another name")

    def whole_run(self, stages: StagePlan) -> StagePlan:
        """The stages of this mix up to the kept rows, then `stages`; names that occurred before get their first row appended."""
        shares = self.shares
        numbers = _stage_of_pieces(self.plan)[: len(shares.piece_tokens)]
        n_kept = numbers[-1] + 1
        kept = [stage.name for stage in self.plan.stages[:n_kept]]
        new = [f"{name} from row {self.rows}" if name in kept else name for name in stages.names]
        errors = [stage["curve_error"] for stage in read_preview(self.folder)["stages"][:n_kept]]
        row_tokens = [*(stage.row_tokens for stage in self.plan.stages[:n_kept]), *stages.row_tokens.tolist()]
        numbers = [*numbers, *(stages.stage + n_kept)]
        return StagePlan([*kept, *new], joined(shares, stages.shares), np.array(numbers), np.array(row_tokens), np.array([*errors, *stages.error]))


def _stage_of_pieces(plan: Plan) -> list[int]:
    """The number of the stage of each piece of the whole run."""
    own = [piece.stage for piece in plan.pieces]
    if plan.extends is None:
        return own
    n_earlier = len(plan.schedule.shares.piece_tokens) - len(own)
    return [*_stage_of_pieces(plan.extends.plan)[:n_earlier], *own]


def open_extended(recipe: MixRecipe) -> ExtendedMix | None:
    """The mix that a recipe extends, if any. Raises MixError if it would be overwritten, too."""
    if recipe.extends is None:
        return None
    if recipe.extends.mix.resolve() == recipe.out.resolve():
        raise MixError(f"out: {recipe.out} is the mix that this one extends; give another output folder")
    return ExtendedMix(recipe.extends.mix, recipe.extends.rows)


class _Progress(BaseModel):
    """The row of a checkpoint of `train`."""

    model_config = ConfigDict(extra="allow")

    next_row: Annotated[Count, Field(ge=1)]


def join_row(at: int | None, at_step: int | None, batch_rows: int | None, at_checkpoint: Path | None) -> int:
    """The number of rows to keep: `at`, or those of `at_step` steps of `batch_rows` rows, or those that a checkpoint was trained on. Raises MixError
    unless one of them is given, and for a folder that is not a checkpoint."""
    if sum(option is not None for option in (at, at_step, at_checkpoint)) != 1:
        raise MixError("give one of --at ROW, --at-step STEP (with --batch-rows), or --at-checkpoint FOLDER")
    if (at_step is None) != (batch_rows is None):
        raise MixError("--at-step and --batch-rows: give both, as a step has that many rows")
    if at_checkpoint is not None:
        path = at_checkpoint / "facts.json"
        try:
            return read_record(path, _Progress, error=MixError, remedy="give another checkpoint of the run").next_row
        except FileNotFoundError:
            raise MixError(f"{path}: missing; give a checkpoint of a training run, such as runs/one/checkpoints/step-000500") from None
    return at if at is not None else (at_step or 0) * (batch_rows or 0)


def extended_at(mix: Path | None, at: int | None, at_step: int | None, batch_rows: int | None, at_checkpoint: Path | None) -> ExtendedMix | None:
    """The built `mix` to extend, with the rows to keep as `join_row` takes them; None without a mix. Raises MixError."""
    if mix is None:
        if any(option is not None for option in (at, at_step, batch_rows, at_checkpoint)):
            raise MixError("--at, --at-step, --batch-rows and --at-checkpoint need --extends MIX")
        return None
    return ExtendedMix(mix, join_row(at, at_step, batch_rows, at_checkpoint))
