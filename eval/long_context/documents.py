"""Held-out documents that are long enough to fill the longest context."""

from typing import NamedTuple

import numpy as np

from eval.contamination.held_out import check_held_out
from eval.errors import EvalError
from eval.groups import Clustering, cluster, column_of
from eval.held_out import HeldOut
from eval.long_context.recipe import LongContextRecipe
from eval.models import ModelFolder, ModelTokenizer
from eval.recipe import EvaluateRecipe
from shards.held_out import HeldOutSample, sample_of

_BYTES_PER_TOKEN = 32
"""Documents are cut to this many bytes per token of the longest context before they are tokenized; texts rarely have more."""


class LongDocuments(NamedTuple):
    """Documents by id, and their first tokens: `(longest,) int64` each, without special tokens. `clustering`: which of them are not independent."""

    ids: list[bytes]
    tokens: list[np.ndarray]
    manifest_hash: str
    clustering: Clustering


def long_documents(folders: list[ModelFolder], recipe: EvaluateRecipe, settings: LongContextRecipe) -> tuple[LongDocuments, ModelTokenizer]:
    """The first `max_documents` documents of the domain, by id, with at least as many tokens as the longest context; and the models' tokenizer.

    Raises EvalError if the models have different tokenizers, whose tokens cannot be compared one by one; if fewer than two documents are long enough;
    or if one of them stands in a training set and the recipe refuses that.
    """
    _require_one_tokenizer(folders)
    tokenizer, longest = ModelTokenizer(folders[0]), settings.lengths[-1]
    limits = {"max_documents": 1 << 40, "max_bytes_per_document": _BYTES_PER_TOKEN * longest}
    domain = recipe.domains[settings.domain]
    sample = sample_of(domain.model_copy(update=limits), 1, None, column_of(domain.clusters))
    chosen: list[int] = []
    tokens: list[np.ndarray] = []
    for number in np.flatnonzero(sample.n_bytes >= longest).tolist():  # a token has at least one byte
        (own,) = tokenizer.encode([sample.texts[number]])
        if len(own) >= longest and len(chosen) < settings.max_documents:
            chosen.append(number)
            tokens.append(own[:longest])
    if len(chosen) < 2:
        raise EvalError(
            f"long_context: domain {settings.domain} has {len(chosen)} documents of at least {longest:,} tokens, two are needed; "
            "lower lengths, or name a domain of longer documents"
        )
    ids, texts = [sample.ids[number] for number in chosen], [sample.texts[number] for number in chosen]
    columns = {name: [values[number] for number in chosen] for name, values in sample.columns.items()}
    long = HeldOutSample(ids, texts, sample.n_bytes[chosen], sample.manifest_hash, columns)
    checked, _ = check_held_out([HeldOut(settings.domain, long)], recipe)
    kept = checked[0].sample
    own_tokens = dict(zip(ids, tokens, strict=True))
    clustering = cluster(kept, domain.clusters, f"domain {settings.domain}: clusters")
    return LongDocuments(kept.ids, [own_tokens[doc_id] for doc_id in kept.ids], sample.manifest_hash, clustering), tokenizer


def _require_one_tokenizer(folders: list[ModelFolder]) -> None:
    first = folders[0]
    for folder in folders[1:]:
        if folder.tokenizer_checksum != first.tokenizer_checksum:
            raise EvalError(
                f"long_context: models {first.name} and {folder.name} have different tokenizers, so their tokens have different positions; "
                "leave one of them out, or leave long_context out"
            )
