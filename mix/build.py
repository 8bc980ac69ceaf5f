"""From a recipe to a mix: check the sources, pack them, schedule the rows, commit the plan."""

import logging
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mix.budget import Budget, Cap, budget
from mix.draws import Draws
from mix.errors import MixError
from mix.extend import ExtendedMix, open_extended
from mix.extended_schedule import RowSchedule, schedule_of
from mix.open import MOST_SOURCES, open_sources, sizes_of
from mix.pack import Packer
from mix.plan import PLAN_NAME, SHORT_ROWS, Plan, PlanExtension, PlanPiece, PlanSource, PlanStage, rows_folder, write_plan
from mix.preview import PREVIEW_NAME, SourceFacts, StageCounts, count_by_stage, describe, write_preview
from mix.recipe import MixRecipe
from mix.rows import Packable, PackedSource, has_rows, pack_lengths, pad_id_of, read_packed, rows_key, share_rows, write_rows
from mix.source_order import Pacing, source_key, source_order
from mix.sources import TokenizerFacts, TokenSource, common_tokenizer
from mix.stages import StagePlan, plan_stages, spill_stages
from shards.folder import claim, output_folder
from shards.manifest import Manifest, Parent, ShardFile, commit_manifest, read_manifest
from shards.recipe import recipe_hash
from shards.write import ShardWriter, open_for_writing, refuse_other_kind


@dataclass(frozen=True)
class _Job:
    """A recipe whose sources are open and hold enough tokens."""

    recipe: MixRecipe
    sources: list[TokenSource]
    tokenizer: TokenizerFacts
    stages: StagePlan
    budget: Budget
    parents: dict[str, str]
    """recipe source of each source, by name; its own name unless it is a group"""
    extended: ExtendedMix | None = None

    @cached_property
    def packables(self) -> list[Packable]:
        """Each source in the row lengths that its stages need, after those of an extended mix; a source that is never drawn in the mix's own length."""
        planned = [] if self.extended is None else [(source.name, source.row_tokens) for source in self.extended.plan.sources]
        needed = list(planned)
        for source, asked in zip(self.sources, self.stages.asked.T, strict=True):
            lengths = self.stages.row_tokens[asked > 0].tolist()
            if lengths or all(name != source.name for name, _ in planned):
                needed += [(source.name, row_tokens) for row_tokens in lengths or [self.recipe.row_tokens]]
        by_name = {source.name: source for source in self.sources}
        return [Packable(by_name[name], Packer(row_tokens, self.recipe.packing)) for name, row_tokens in dict.fromkeys(needed)]

    @cached_property
    def new_stages(self) -> StagePlan:
        """The stages of the recipe, with shares of packed sources."""
        numbers = {source.name: number for number, source in enumerate(self.sources)}
        return self.stages.by_packing([(numbers[packable.source.name], packable.packer.row_tokens) for packable in self.packables])

    @property
    def whole_run(self) -> StagePlan:
        """The stages of the whole run, with shares of packed sources: those of an extended mix come first."""
        return self.new_stages if self.extended is None else self.extended.whole_run(self.new_stages)

    def pacing(self, source: str) -> Pacing | None:
        """The order of a source's rows; None: random."""
        order = self.recipe.sources[self.parents[source]].order
        return Pacing(order.pacing, order.groups, order.start, order.part) if order else None


def preview(recipe: MixRecipe) -> dict[str, Any]:
    """The content of `preview.json`, without writing anything. Raises MixError for a mix that is not feasible."""
    job = _prepare(recipe)
    packed = [
        read_packed(packable.source.name, folder) if has_rows(folder, *packable) else pack_lengths(*packable)
        for packable, folder in zip(job.packables, _packing_folders(job), strict=True)
    ]
    return _describe(job, packed, count_by_stage(_schedule(job, packed), job.whole_run))


def build(recipe: MixRecipe) -> tuple[Plan, dict[str, Any]]:
    """Build the mix in `recipe.out`; returns its plan and the content of `preview.json`.

    An older mix in that folder becomes unreadable when its plan is replaced, until the new mix is complete. Raises MixError.
    """
    with output_folder(recipe.out, (PLAN_NAME, PREVIEW_NAME)):
        refuse_other_kind(recipe.out, "mix")
        return _build(_prepare(recipe))


def _build(job: _Job) -> tuple[Plan, dict[str, Any]]:
    recipe = job.recipe
    packing_folders = _packing_folders(job)
    new = slice(0 if job.extended is None else len(job.extended.plan.sources), None)
    write_rows(job.packables[new], packing_folders[new], recipe.out / "work", recipe.workers)
    folders = [_own_folder(recipe, packable) for packable in job.packables]
    for packing_folder, folder in zip(packing_folders, folders, strict=True):
        if packing_folder != folder:
            share_rows(packing_folder, folder)
    packed = [read_packed(packable.source.name, folder) for packable, folder in zip(job.packables, folders, strict=True)]
    counts = count_by_stage(_schedule(job, packed), job.whole_run)
    open_for_writing(recipe.out, "mix")
    claim(recipe.out, (PLAN_NAME, PREVIEW_NAME))
    short_rows_file = _write_short_rows(recipe.out, packed)
    plan, content = _plan(job, packed, folders, counts, short_rows_file), _describe(job, packed, counts)
    write_plan(recipe.out, plan)
    write_preview(recipe.out / PREVIEW_NAME, content)
    _commit(job, plan, short_rows_file)
    return plan, content


def _prepare(recipe: MixRecipe) -> _Job:
    sources, extended = open_sources(recipe), open_extended(recipe)
    if extended is not None:
        sources = extended.in_order(sources)
    tokenizer = common_tokenizer(sources)
    pad_id_of(tokenizer)
    stages = plan_stages(recipe.stages, sizes_of(sources), recipe.row_tokens)
    given = np.zeros(len(sources)) if extended is None else extended.asked(sources)
    limits = [recipe.sources[source.parent] for source in sources]
    caps = {
        source.name: Cap(source.n_tokens, limit.max_epochs, limit.max_tokens, tokens)
        for source, limit, tokens in zip(sources, limits, given.tolist(), strict=True)
    }
    if recipe.cap == "spill":
        stages, capped = spill_stages(stages, caps)
        for name in capped:
            logging.info("%s contributes its maximum: %s; the other sources divide the rest", name, caps[name])
    scope = "in total" if extended is None else f"after row {extended.rows:,}"
    feasible = budget(dict(zip(caps, stages.shares.cumulative[-1].tolist(), strict=True)), caps, scope)
    job = _Job(recipe, sources, tokenizer, stages, feasible, {source.name: source.parent for source in sources}, extended)
    if extended is not None:
        extended.refuse_other_rows(recipe, job.packables, [job.pacing(packable.source.name) for packable in job.packables])
    if len(job.packables) > MOST_SOURCES:
        raise MixError(f"{len(job.packables):,} packed sources, and a mix has at most {MOST_SOURCES:,}; use fewer sources or fewer row lengths")
    for packable, tokens in zip(job.packables, job.whole_run.shares.cumulative[-1].tolist(), strict=True):
        _warn_of_unreached(packable.source, job.pacing(packable.source.name), tokens / packable.source.n_tokens if tokens else 0.0)
    _refuse_too_synthetic(job)
    return job


def _refuse_too_synthetic(job: _Job) -> None:
    """Raise MixError if more of the whole run's tokens than `max_synthetic` are of synthetic documents."""
    asked = job.whole_run.shares.cumulative[-1]
    made = asked * [packable.source.synthetic_share for packable in job.packables]
    share, limit = float(made.sum() / asked.sum()), job.recipe.max_synthetic
    if limit is not None and share > limit + 1e-9:
        largest = job.packables[int(made.argmax())].source
        raise MixError(
            f"max_synthetic: {share:.1%} of the mix's tokens would be of synthetic documents, and at most {limit:.1%} may be; most come from source "
            f"{largest.name}, {largest.synthetic_share:.1%} of which is synthetic; lower its weight, or raise max_synthetic"
        )


def _warn_of_unreached(source: TokenSource, pacing: Pacing | None, epochs: float) -> None:
    """Warn of an order of rows of one length that ends before its last scores."""
    if pacing is not None and pacing.name != "interleaved" and 0 < epochs < pacing.part:
        logging.warning(
            "%s is used for %.2f epochs, but its order covers %s, so it never reaches its last scores; "
            "set its order's part to %.2f to order a sample of all scores",
            source.name,
            epochs,
            f"{pacing.part:g}",
            epochs,
        )


def _packing_folders(job: _Job) -> list[Path]:
    """The folder for each source's packed rows: that in the extended mix; or the source's own; or if rows are shared, one named after their content."""
    recipe, folders = job.recipe, []
    for packable in job.packables:
        own = _own_folder(recipe, packable) if recipe.rows is None else recipe.rows / f"{packable.source.name}-{rows_key(*packable)}"
        folders.append((job.extended and job.extended.rows_folder(packable)) or own)
    return folders


def _own_folder(recipe: MixRecipe, packable: Packable) -> Path:
    """The folder of a source's rows in the mix."""
    return recipe.out.joinpath(*rows_folder(packable.source.name, packable.packer.row_tokens, recipe.row_tokens))


def _schedule(job: _Job, packed: list[PackedSource]) -> RowSchedule:
    orders = [source_order(source.n_rows, source_key(job.recipe.seed, source.name), job.pacing(source.name)) for source in packed]
    draws = [Draws(source.n_rows, source.row_tokens, source.short, order) for source, order in zip(packed, orders, strict=True)]
    stages = job.new_stages
    by_length = groupby(range(len(stages.stage)), lambda piece: int(stages.row_tokens[stages.stage[piece]]))
    stretches = [(row_tokens, stages.shares.of_pieces(list(pieces))) for row_tokens, pieces in by_length]
    if job.extended is None:
        return schedule_of(stretches, draws)
    return schedule_of(stretches, draws, job.extended.plan.schedule, job.extended.rows)


def _describe(job: _Job, packed: list[PackedSource], counts: StageCounts) -> dict[str, Any]:
    before = job.extended.state.position if job.extended else 0
    limiting = {"source": job.budget.limiting, "largest_tokens": before + int(job.budget.largest_total)}
    opened = {source.name: SourceFacts(source.synthetic_share, source.value) for source in job.sources}
    content = describe(job.recipe.row_tokens, job.whole_run, packed, counts, opened)
    return content | {"limiting": limiting, "max_synthetic": job.recipe.max_synthetic}


def _write_short_rows(folder: Path, packed: list[PackedSource]) -> ShardFile:
    with ShardWriter(folder, SHORT_ROWS, prefix="short_rows", compression=None, rows_per_file=1 << 40) as writer:
        for number, source in enumerate(packed):
            columns = np.full(len(source.short.row), number, np.int16), source.short.row, source.short.tokens.astype(np.int32)
            writer.write(pa.record_batch([pa.array(column) for column in columns], schema=SHORT_ROWS))
        return writer.close()[0]


def _plan(job: _Job, packed: list[PackedSource], folders: list[Path], counts: StageCounts, short_rows_file: ShardFile) -> Plan:
    whole, n_new = job.whole_run, len(job.stages.stage)
    first_rows = np.cumsum(counts.rows.sum(axis=1)) - counts.rows.sum(axis=1)
    shares, first_pieces = whole.shares, np.searchsorted(whole.stage, np.arange(len(whole.names) + 1))
    begin, end = (tuple(map(tuple, ends.tolist())) for ends in (shares.begin, shares.end))
    pieces = tuple(map(PlanPiece, shares.piece_tokens.tolist(), begin, end, whole.stage.tolist()))
    stages = tuple(
        PlanStage(name, row_tokens, round(tokens), int(first), pieces[piece].begin, pieces[stop - 1].end)
        for name, row_tokens, tokens, first, piece, stop in zip(
            whole.names, whole.row_tokens.tolist(), whole.tokens, first_rows, first_pieces, first_pieces[1:], strict=False
        )
    )
    sources = tuple(
        PlanSource(source.name, source.row_tokens, read_manifest(folder).hash, source.n_rows, source.n_tokens, job.pacing(source.name))
        for source, folder in zip(packed, folders, strict=True)
    )
    n_rows, n_tokens = int(counts.rows.sum()), int(counts.tokens.sum())
    recipe, no_rows = job.recipe, SHORT_ROWS.empty_table()
    return Plan(
        recipe.seed, recipe.row_tokens, n_rows, n_tokens, sources, stages, pieces[-n_new:], short_rows_file.checksum, tuple(recipe.history), no_rows,
        None if job.extended is None else PlanExtension(replace(job.extended.plan, history=()), job.extended.rows),
    )  # fmt: skip


def _commit(job: _Job, plan: Plan, short_rows_file: ShardFile) -> None:
    tokenizer = job.tokenizer
    info = {
        "plan_hash": plan.hash,
        "n_rows": plan.n_rows,
        "n_tokens": plan.n_tokens,
        "row_tokens": plan.longest_row,
        "sources": plan.source_names,
        "tokenizer_sha256": tokenizer.tokenizer_sha256,
        "n_vocab": tokenizer.n_vocab,
        "eos_id": tokenizer.eos_id,
        "pad_id": pad_id_of(tokenizer),
        "id_bytes": tokenizer.id_bytes,
    }
    if job.extended is not None:
        info["extends"] = job.extended.info
    recipe = job.recipe.model_dump(mode="json", by_alias=True)
    parents = tuple(
        Parent(source.name if source.row_tokens == plan.row_tokens else f"{source.name}@{source.row_tokens}", "rows", source.rows_hash)
        for source in plan.sources
    )
    commit_manifest(job.recipe.out, Manifest("mix", (short_rows_file,), recipe, recipe_hash(job.recipe), parents, info))
