"""Documents to requests: one for every passage, variant and sample, each under a key that depends on nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import xxhash

from curate.synthesize.generators.base import Message, Request
from curate.synthesize.passages import passages
from curate.synthesize.task import TaskRecipe
from curate.synthesize.template import render
from curate.synthesize.types import SourceDocument
from shards.record import canonical_json


@dataclass(frozen=True)
class Asked:
    """A request and what it was made from."""

    request: Request
    passage: str
    number: int
    """Number of the passage, from 1."""
    count: int
    """Number of passages in the document."""
    variant: str
    sample: int
    prompt_hash: str


def prompt_values(task: TaskRecipe, document: SourceDocument, passage: str, number: int, count: int, variant: str) -> dict[str, Any]:
    """The values that prompt templates read."""
    return {
        "text": passage,
        "document": document,
        "metadata": document.metadata,
        "passage": {"number": number, "count": count},
        "variant": {"name": variant, **task.variants[variant]},
        "options": task.options,
    }


def cut(task: TaskRecipe, document: SourceDocument) -> Iterator[tuple[str, int, int, str]]:
    """Yield (passage, number from 1, number of passages, variant) in the order of the requests."""
    cut_passages = passages(document.text, task.passages)
    names = list(task.variants)
    for number, passage in enumerate(cut_passages, 1):
        drawn = xxhash.xxh3_64_intdigest(f"{document.id} {number} {task.sampling.seed}") % len(names)
        for variant in names if task.choose == "all" else [names[drawn]]:
            yield passage, number, len(cut_passages), variant


def requests_of(task: TaskRecipe, model: str, document: SourceDocument) -> Iterator[Asked]:
    """All requests of a document; see `cut` and `SamplingRecipe.samples`. Raises CurateError if a template reads a field that the document lacks."""
    body, sampling = task.sampling.body(), task.sampling
    for passage, number, count, variant in cut(task, document):
        messages, prompt = _prompt(task, document, prompt_values(task, document, passage, number, count, variant))
        prompt_hash = xxhash.xxh3_128_hexdigest(canonical_json([messages, prompt]).encode("utf-8", "replace"))
        for sample in range(sampling.samples):
            parts = [document.id, task.asking_hash, prompt_hash, model, body, sampling.seed, sample]
            key = xxhash.xxh3_128_hexdigest(canonical_json(parts).encode("utf-8", "replace"))
            request = Request(key, messages, prompt, body, int(key[:8], 16) >> 1, document.row)
            yield Asked(request, passage, number, count, variant, sample, prompt_hash)


def _prompt(task: TaskRecipe, document: SourceDocument, values: dict[str, Any]) -> tuple[tuple[Message, ...], str]:
    recipe = task.prompt
    assert recipe is not None
    where = f"task {task.name}, prompt for {document.file}:{document.row}"
    if recipe.completion is not None:
        return (), render(where, recipe.completion, values)
    system = [("system", render(where, recipe.system, values))] if recipe.system else []
    return (*system, ("user", render(where, recipe.user or "", values))), ""
