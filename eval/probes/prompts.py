"""Prompts from held-out documents: the beginning of a text, and how its author continued it."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from eval.errors import EvalError
from eval.groups import cluster
from eval.held_out import HeldOut, read_held_out
from eval.probes.recipe import GenerationRecipe
from shards.held_out import DomainRecipe, HeldOutSample
from shards.read import ShardSet

_MIN_CONTINUATION = 16
"""Bytes that a document must have after the prompt."""


class Prompt(NamedTuple):
    """The beginning of a document, and the rest. `language`: of the document, empty if not known."""

    domain: str
    doc_id: bytes
    text: str
    rest: str
    language: str


def read_prompts(name: str, domain: DomainRecipe, settings: GenerationRecipe) -> list[Prompt]:
    """Prompts of the first documents, by id, that go on after the prompt. Raises EvalError if fewer than two do."""
    whole = domain.model_copy(update={"max_documents": domain.max_documents or 1 << 40, "max_bytes_per_document": None})
    held_out = read_held_out(name, whole)
    languages = _languages(domain)
    prompts: list[Prompt] = []
    for doc_id, text in zip(held_out.sample.ids, held_out.sample.texts, strict=True):
        head = beginning_of(text, settings.prompt_bytes)
        rest = text[len(head) :]
        if head and len(rest.encode()) >= _MIN_CONTINUATION and len(prompts) < settings.prompts:
            prompts.append(Prompt(name, doc_id, head, rest, languages.get(doc_id, "")))
    if len(prompts) < 2:
        raise EvalError(
            f"domain {name}: {len(prompts)} documents of {domain.documents} are longer than a prompt of {settings.prompt_bytes} bytes, "
            "two are needed; lower generation.prompt_bytes, or name a set of longer documents"
        )
    return prompts


def beginning_of(text: str, n_bytes: int) -> str:
    """The first `n_bytes` bytes of a text, without a last word that would be cut where a word ends in their second half."""
    head = text.encode()[:n_bytes].decode(errors="ignore")
    if len(head) == len(text) or text[len(head)].isspace():
        return head
    cut = re.search(r"\s\S*$", head)
    return head[: cut.start()] if cut and cut.start() >= len(head) // 2 else head


def read_texts(name: str, domain: DomainRecipe, max_documents: int, n_bytes: int) -> HeldOut:
    """The beginnings, `n_bytes` bytes at most, of the domain's first documents, `max_documents` at most; lower limits of the domain hold."""
    limits = {
        "max_documents": min(domain.max_documents or max_documents, max_documents),
        "max_bytes_per_document": min(domain.max_bytes_per_document or n_bytes, n_bytes),
    }
    return read_held_out(name, domain.model_copy(update=limits))


def cluster_labels(name: str, domain: DomainRecipe, ids: set[bytes]) -> Mapping[bytes, int]:
    """Cluster of each document in `ids`, by the domain's `clusters`: documents with equal labels are not independent. Raises EvalError as `cluster`."""
    whole = domain.model_copy(update={"max_documents": domain.max_documents or 1 << 40, "max_bytes_per_document": None})
    sample = read_held_out(name, whole).sample
    rows = [row for row, doc_id in enumerate(sample.ids) if doc_id in ids]
    columns = {column: [values[row] for row in rows] for column, values in sample.columns.items()}
    chosen = HeldOutSample([sample.ids[row] for row in rows], [sample.texts[row] for row in rows], sample.n_bytes[rows], sample.manifest_hash, columns)
    labels = cluster(chosen, domain.clusters, f"domain {name}: clusters").labels
    return dict(zip(chosen.ids, labels.tolist(), strict=True))


def _languages(domain: DomainRecipe) -> dict[bytes, str]:
    table = ShardSet(domain.documents, "documents").to_table(["id", "language"])
    return dict(zip(table["id"].to_pylist(), (language or "" for language in table["language"].to_pylist()), strict=True))
