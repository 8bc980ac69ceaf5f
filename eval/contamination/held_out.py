"""Held-out documents that stand in training sets: refused, reported or left out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from curate.overlap.items import OverlapItem
from curate.overlap.record import CONTAMINATED, DUPLICATES
from eval.contamination.overlap import Overlap, overlap_of
from eval.errors import EvalError
from eval.held_out import HeldOut
from eval.recipe import EvaluateRecipe

_LEAST_DOCUMENTS = 2


@dataclass(frozen=True)
class Contamination:
    """What was found; `overlap` is None if nothing was checked. `rows`: by domain, of the documents that are scored, in their order."""

    overlap: Overlap | None
    rows: dict[str, list[dict[str, Any]]]
    left_out: dict[str, int]

    @property
    def n_sets(self) -> int:
        """Number of training sets that were searched."""
        return len(self.overlap.against) if self.overlap else 0


def check_held_out(domains: Sequence[HeldOut], recipe: EvaluateRecipe) -> tuple[list[HeldOut], Contamination]:
    """The documents to score, and what of them stands in training sets.

    Raises EvalError if the recipe refuses such documents, naming how many and one of them, or if leaving them out leaves a domain fewer than two.
    """
    items = [
        OverlapItem(held_out.name, doc_id.hex(), (text,), doc_id)
        for held_out in domains
        for doc_id, text in zip(held_out.sample.ids, held_out.sample.texts, strict=True)
    ]
    overlap = overlap_of(items, recipe.train_documents, recipe.contamination, recipe.work_folder)
    if overlap is None:
        return list(domains), Contamination(None, {}, {})
    rows = {held_out.name: [row for row in overlap.rows if row["set"] == held_out.name] for held_out in domains}
    bad = {name: [row for row in mine if row["kind"] in CONTAMINATED] for name, mine in rows.items()}
    if recipe.contaminated == "refuse":
        _refuse(bad, rows)
    if recipe.contaminated != "leave_out":
        return list(domains), Contamination(overlap, rows, {})
    kept = [_without(held_out, bad[held_out.name], rows[held_out.name]) for held_out in domains]
    clean = {name: [row for row in mine if row["kind"] not in CONTAMINATED] for name, mine in rows.items()}
    return kept, Contamination(overlap, clean, {name: len(mine) for name, mine in bad.items()})


def _refuse(bad: dict[str, list[dict[str, Any]]], rows: dict[str, list[dict[str, Any]]]) -> None:
    for name, mine in bad.items():
        copies = [row for row in mine if row["kind"] in DUPLICATES]
        if copies:
            worst = min(copies, key=lambda row: DUPLICATES.index(row["kind"]))
            what = f"{len(copies)} of its {len(rows[name])} held-out documents are training documents, or nearly, so their scores would measure memorisation"
            example = f"document {worst['item']} {_how(worst)} {worst['train_id']} of {worst['train_set']}"
            raise EvalError(f"domain {name}: {what}; {example}; hold out others, or set contaminated: leave_out (or report)")


def _how(row: dict[str, Any]) -> str:
    """The relation of a held-out document to the training document named after it."""
    return "is also document" if row["kind"] == "exact" else f"shares {row['jaccard']:.0%} of all word 5-grams with document"


def _without(held_out: HeldOut, bad: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]) -> HeldOut:
    kept = [number for number, row in enumerate(rows) if row["kind"] not in CONTAMINATED]
    if len(kept) < _LEAST_DOCUMENTS:
        raise EvalError(
            f"domain {held_out.name}: {len(bad)} of its {len(rows)} held-out documents stand in training sets, so too few are left; hold out others"
        )
    sample = held_out.sample
    columns = {name: [values[number] for number in kept] for name, values in sample.columns.items()}
    chosen = np.array(kept)
    return HeldOut(
        held_out.name,
        replace(sample, ids=[sample.ids[n] for n in kept], texts=[sample.texts[n] for n in kept], n_bytes=sample.n_bytes[chosen], columns=columns),
    )
