"""From a recipe to a mix: check the sources, pack them, schedule the rows, commit the plan."""

import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from mix.budget import Budget, Cap, budget
from mix.draws import Draws
from mix.extend import ExtendedMix, open_extended
from mix.extended_schedule import ExtendedSchedule, RowSchedule
from mix.open import open_sources, sizes_of
from mix.pack import Packer
from mix.plan import PLAN_NAME, SHORT_ROWS, Plan, PlanExtension, PlanPiece, PlanSource, PlanStage, write_plan
from mix.preview import PREVIEW_NAME, StageCounts, count_by_stage, describe, write_preview
from mix.recipe import MixRecipe
from mix.rows import PackedSource, has_rows, pack_lengths, pad_id_of, read_packed, rows_key, share_rows, write_rows
from mix.schedule import Schedule
from mix.source_order import Pacing, source_key, source_order
from mix.sources import TokenizerFacts, TokenSource, common_tokenizer
from mix.stages import StagePlan, plan_stages, spill_stages
from shards.folder import claim, output_folder
from shards.manifest import Manifest, Parent, ShardFile, commit_manifest, read_manifest
from shards.recipe import recipe_hash
from shards.write import ShardWriter, open_for_writing, refuse_other_kind


class _Job(NamedTuple):
    """A recipe whose sources are open and hold enough tokens."""

    recipe: MixRecipe
    sources: list[TokenSource]
    tokenizer: TokenizerFacts
    stages: StagePlan
    budget: Budget
    parents: dict[str, str]
    """recipe source of each source, by name; its own name unless it is a group"""
    extended: ExtendedMix | None = None

    @property
    def whole_run(self) -> StagePlan:
        """The stages of the whole run: those of an extended mix come first."""
        return self.stages if self.extended is None else self.extended.whole_run(self.stages)

    @property
    def packer(self) -> Packer:
        """How documents become rows."""
        return Packer(self.recipe.row_tokens, self.recipe.packing)

    def pacing(self, source: str) -> Pacing | None:
        """The order of a source's rows; None: random."""
        order = self.recipe.sources[self.parents[source]].order
        return Pacing(order.pacing, order.groups, order.start, order.part) if order else None


def preview(recipe: MixRecipe) -> dict[str, Any]:
    """The content of `preview.json`, without writing anything. Raises MixError for a mix that is not feasible."""
    job = _prepare(recipe)
    packed = [
        read_packed(source.name, folder) if has_rows(folder, source, job.packer) else pack_lengths(source, job.packer)
        for source, folder in zip(job.sources, _packing_folders(job), strict=True)
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
    new = [pair for pair in zip(job.sources, packing_folders, strict=True) if job.extended is None or job.extended.rows_folder(pair[0].name) is None]
    write_rows([source for source, _ in new], [folder for _, folder in new], job.packer, recipe.out / "work", recipe.workers)
    folders = [recipe.out / "rows" / source.name for source in job.sources]
    for packing_folder, folder in zip(packing_folders, folders, strict=True):
        if packing_folder != folder:
            share_rows(packing_folder, folder)
    packed = [read_packed(source.name, folder) for source, folder in zip(job.sources, folders, strict=True)]
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
    stages = plan_stages(recipe.stages, sizes_of(sources))
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
        extended.refuse_other_rows(recipe, sources, job.packer, [job.pacing(source.name) for source in sources])
    for source in sources:
        _warn_of_unreached(source, job.pacing(source.name), feasible.epochs[source.name])
    return job


def _warn_of_unreached(source: TokenSource, pacing: Pacing | None, epochs: float) -> None:
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
    for source in job.sources:
        own = recipe.out / "rows" / source.name if recipe.rows is None else recipe.rows / f"{source.name}-{rows_key(source, job.packer)}"
        folders.append((job.extended and job.extended.rows_folder(source.name)) or own)
    return folders


def _schedule(job: _Job, packed: list[PackedSource]) -> RowSchedule:
    row_tokens, seed = job.recipe.row_tokens, job.recipe.seed
    orders = [source_order(source.n_rows, source_key(seed, source.name), job.pacing(source.name)) for source in packed]
    draws = [Draws(source.n_rows, row_tokens, source.short, order) for source, order in zip(packed, orders, strict=True)]
    if job.extended is None:
        return Schedule(job.stages.shares, draws)
    return ExtendedSchedule(job.extended.plan.schedule, job.extended.rows, job.stages.shares, draws)


def _describe(job: _Job, packed: list[PackedSource], counts: StageCounts) -> dict[str, Any]:
    before = job.extended.state.position if job.extended else 0
    limiting = {"source": job.budget.limiting, "largest_tokens": before + int(job.budget.largest_total)}
    content = describe(job.recipe.row_tokens, job.whole_run, packed, counts, {source.name: source.value for source in job.sources if source.value is not None})
    return content | {"limiting": limiting}


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
        PlanStage(name, round(tokens), int(first), pieces[piece].begin, pieces[stop - 1].end)
        for name, tokens, first, piece, stop in zip(whole.names, whole.tokens, first_rows, first_pieces, first_pieces[1:], strict=False)
    )
    sources = tuple(
        PlanSource(source.name, read_manifest(folder).hash, source.n_rows, source.n_tokens, job.pacing(source.name))
        for source, folder in zip(packed, folders, strict=True)
    )
    n_rows, n_tokens = int(counts.rows.sum()), int(counts.tokens.sum())
    recipe, no_rows = job.recipe, SHORT_ROWS.empty_table()
    return Plan(
        recipe.seed, recipe.row_tokens, n_rows, n_tokens, sources, stages, pieces[-n_new:], short_rows_file.checksum, tuple(recipe.history), no_rows,
        None if job.extended is None else PlanExtension(job.extended.plan, job.extended.rows),
    )  # fmt: skip


def _commit(job: _Job, plan: Plan, short_rows_file: ShardFile) -> None:
    tokenizer = job.tokenizer
    info = {
        "plan_hash": plan.hash,
        "n_rows": plan.n_rows,
        "n_tokens": plan.n_tokens,
        "row_tokens": plan.row_tokens,
        "sources": [source.name for source in plan.sources],
        "tokenizer_sha256": tokenizer.tokenizer_sha256,
        "n_vocab": tokenizer.n_vocab,
        "eos_id": tokenizer.eos_id,
        "pad_id": pad_id_of(tokenizer),
        "id_bytes": tokenizer.id_bytes,
    }
    if job.extended is not None:
        info["extends"] = job.extended.info
    recipe = job.recipe.model_dump(mode="json", by_alias=True)
    parents = tuple(Parent(source.name, "rows", source.rows_hash) for source in plan.sources)
    commit_manifest(job.recipe.out, Manifest("mix", (short_rows_file,), recipe, recipe_hash(job.recipe), parents, info))
