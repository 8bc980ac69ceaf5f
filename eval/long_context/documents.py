"""Held-out documents that are long enough to fill the longest context."""

from typing import NamedTuple

import numpy as np

from eval.contamination.held_out import check_held_out
from eval.errors import EvalError
from eval.held_out import HeldOut
from eval.long_context.recipe import LongContextRecipe
from eval.models import ModelFolder, ModelTokenizer
from eval.recipe import EvaluateRecipe
from shards.held_out import HeldOutSample, sample_of

_BYTES_PER_TOKEN = 32
"""Documents are cut to this many bytes per token of the longest context before they are tokenized; texts rarely have more."""


class LongDocuments(NamedTuple):
    """Documents by id, and their first tokens: `(longest,) int64` each, without special tokens."""

    ids: list[bytes]
    tokens: list[np.ndarray]
    manifest_hash: str


def long_documents(folders: list[ModelFolder], recipe: EvaluateRecipe, settings: LongContextRecipe) -> tuple[LongDocuments, ModelTokenizer]:
    """The first `max_documents` documents of the domain, by id, with at least as many tokens as the longest context; and the models' tokenizer.

    Raises EvalError if the models have different tokenizers, whose tokens cannot be compared one by one; if fewer than two documents are long enough;
    or if one of them stands in a training set and the recipe refuses that.
    """
    _require_one_tokenizer(folders)
    tokenizer, longest = ModelTokenizer(folders[0]), settings.lengths[-1]
    limits = {"max_documents": 1 << 40, "max_bytes_per_document": _BYTES_PER_TOKEN * longest}
    sample = sample_of(recipe.domains[settings.domain].model_copy(update=limits), 1, None)
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
    checked, _ = check_held_out([HeldOut(settings.domain, HeldOutSample(ids, texts, sample.n_bytes[chosen], sample.manifest_hash))], recipe)
    kept = set(checked[0].sample.ids)
    return LongDocuments(checked[0].sample.ids, [own for doc_id, own in zip(ids, tokens, strict=True) if doc_id in kept], sample.manifest_hash), tokenizer


def _require_one_tokenizer(folders: list[ModelFolder]) -> None:
    first = folders[0]
    for folder in folders[1:]:
        if folder.tokenizer_checksum != first.tokenizer_checksum:
            raise EvalError(
                f"long_context: models {first.name} and {folder.name} have different tokenizers, so their tokens have different positions; "
                "leave one of them out, or leave long_context out"
            )
