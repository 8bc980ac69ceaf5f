"""Signals measured by the models of a recipe."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.models.recipe import CausalRecipe, FastTextRecipe, ImportanceRecipe, KenlmRecipe, ModelRecipe


class ModelSignals(NamedTuple):
    """Signals of a model: their `fields`, and a function from (n_docs,) large_string to an array per field."""

    fields: tuple[pa.Field, ...]
    measure: Callable[[pa.Array], list[pa.Array]]


def open_model(recipe: ModelRecipe) -> ModelSignals:
    """Load a recipe's model. Raises CurateError if it cannot be loaded, or if a classifier lacks the label."""
    return _OPEN[type(recipe)](recipe)


def model_files(recipe: ModelRecipe) -> Sequence[Path]:
    """Files that the signals depend on. Raises CurateError if one is missing."""
    return _FILES[type(recipe)](recipe)


def _fasttext(recipe: FastTextRecipe) -> ModelSignals:
    from curate.models.classifier import known_label, load_classifier

    classifier = load_classifier(recipe.path, recipe.lowercase)
    if recipe.label is not None:
        label = known_label(classifier, recipe.label, recipe.path)
        return ModelSignals((pa.field(recipe.name, pa.float32()),), lambda texts: [pa.array(classifier.probability(texts, label))])

    def label_and_score(texts: pa.Array) -> list[pa.Array]:
        best = classifier.most_likely(texts)
        return [best.label, pa.array(best.score)]

    return ModelSignals((pa.field(recipe.name, pa.string()), pa.field(f"{recipe.name}_score", pa.float32())), label_and_score)


def _fasttext_files(recipe: FastTextRecipe) -> list[Path]:
    from curate.models.classifier import CARD, model_file

    file = model_file(recipe.path)
    return [file, *(card for card in [file.parent / CARD] if card.is_file())]


def _importance(recipe: ImportanceRecipe) -> ModelSignals:
    from curate.models.importance import gumbel_noise, load_importance

    model = load_importance(recipe.path)

    def weights(texts: pa.Array) -> list[pa.Array]:
        log_weight, n_ngrams = model.weigh(texts)
        return [pa.array(column) for column in (log_weight, log_weight / np.maximum(n_ngrams, 1), log_weight + gumbel_noise(texts, recipe.seed))]

    return ModelSignals(tuple(pa.field(recipe.name + ending, pa.float64()) for ending in ("", "_per_ngram", "_gumbel")), weights)


def _importance_files(recipe: ImportanceRecipe) -> list[Path]:
    from curate.models.importance import CARD, TABLE, load_importance

    load_importance(recipe.path)
    return [Path(recipe.path) / CARD, Path(recipe.path) / TABLE]


def _kenlm(recipe: KenlmRecipe) -> ModelSignals:
    from curate.models.kenlm import load_kenlm

    model = load_kenlm(recipe)
    field = pa.field(recipe.name, pa.float64())
    if model.cutoffs is None:
        return ModelSignals((field,), lambda texts: [_nan_to_null(model.perplexity(texts))])

    def with_bucket(texts: pa.Array) -> list[pa.Array]:
        perplexity = model.perplexity(texts)
        return [_nan_to_null(perplexity), model.buckets(perplexity)]

    return ModelSignals((field, pa.field(f"{recipe.name}_bucket", pa.string())), with_bucket)


def _kenlm_files(recipe: KenlmRecipe) -> list[Path]:
    from curate.models.kenlm import kenlm_files

    return kenlm_files(recipe)


def _causal(recipe: CausalRecipe) -> ModelSignals:
    from curate.models.causal import load_causal

    model = load_causal(recipe)
    measure = model.perplexity if recipe.unit == "perplexity" else model.bits_per_byte
    return ModelSignals((pa.field(recipe.name, pa.float32()),), lambda texts: [pc.cast(_nan_to_null(measure(texts)), pa.float32())])


def _causal_files(recipe: CausalRecipe) -> list[Path]:
    from curate.models.causal import causal_files

    return causal_files(recipe)


def _nan_to_null(values: np.ndarray) -> pa.Array:
    """NaN, for a text without a value, becomes null."""
    return pa.array(values, mask=np.isnan(values))


_OPEN: dict[type, Callable[..., ModelSignals]] = {FastTextRecipe: _fasttext, ImportanceRecipe: _importance, KenlmRecipe: _kenlm, CausalRecipe: _causal}
_FILES: dict[type, Callable[..., Sequence[Path]]] = {
    FastTextRecipe: _fasttext_files,
    ImportanceRecipe: _importance_files,
    KenlmRecipe: _kenlm_files,
    CausalRecipe: _causal_files,
}
