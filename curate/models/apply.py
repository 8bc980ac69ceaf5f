"""Any model of a recipe as columns of signals."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.models.recipe import CausalRecipe, FastTextRecipe, ImportanceRecipe, KenlmRecipe, ModelRecipe


class Measure(NamedTuple):
    """What a model adds: `fields`, and a function from (n_docs,) large_string to one array each."""

    fields: tuple[pa.Field, ...]
    measure: Callable[[pa.Array], list[pa.Array]]


def open_model(recipe: ModelRecipe) -> Measure:
    """Load a recipe's model. Raises CurateError for what cannot be loaded, and for labels that a classifier does not have."""
    return _OPEN[type(recipe)](recipe)


def model_files(recipe: ModelRecipe) -> Sequence[Path]:
    """The files that its values depend on. Raises CurateError if one is missing."""
    return _FILES[type(recipe)](recipe)


def _fasttext(recipe: FastTextRecipe) -> Measure:
    from curate.models.classifier import known_label, load_classifier

    classifier = load_classifier(recipe.path, recipe.lowercase)
    if recipe.label is not None:
        label = known_label(classifier, recipe.label, recipe.path)
        return Measure((pa.field(recipe.name, pa.float32()),), lambda texts: [pa.array(classifier.probability(texts, label))])

    def label_and_score(texts: pa.Array) -> list[pa.Array]:
        found = classifier.most_likely(texts)
        return [found.label, pa.array(found.score)]

    return Measure((pa.field(recipe.name, pa.string()), pa.field(f"{recipe.name}_score", pa.float32())), label_and_score)


def _fasttext_files(recipe: FastTextRecipe) -> list[Path]:
    from curate.models.classifier import CARD, model_file

    file = model_file(recipe.path)
    return [file, *(card for card in [file.parent / CARD] if card.is_file())]


def _importance(recipe: ImportanceRecipe) -> Measure:
    from curate.models.importance import gumbel_noise, load_importance

    model = load_importance(recipe.path)

    def weights(texts: pa.Array) -> list[pa.Array]:
        found = model.weigh(texts)
        per_ngram = found.log_weight / np.maximum(found.n_ngrams, 1)
        return [pa.array(column) for column in (found.log_weight, per_ngram, found.log_weight + gumbel_noise(texts, recipe.seed))]

    return Measure(tuple(pa.field(recipe.name + ending, pa.float64()) for ending in ("", "_per_ngram", "_gumbel")), weights)


def _importance_files(recipe: ImportanceRecipe) -> list[Path]:
    from curate.models.importance import CARD, TABLE, load_importance

    load_importance(recipe.path)
    return [Path(recipe.path) / CARD, Path(recipe.path) / TABLE]


def _kenlm(recipe: KenlmRecipe) -> Measure:
    from curate.models.kenlm import load_kenlm

    model = load_kenlm(recipe)
    field = pa.field(recipe.name, pa.float64())
    if model.cutoffs is None:
        return Measure((field,), lambda texts: [_known(model.perplexity(texts))])

    def with_bucket(texts: pa.Array) -> list[pa.Array]:
        found = model.perplexity(texts)
        return [_known(found), model.buckets(found)]

    return Measure((field, pa.field(f"{recipe.name}_bucket", pa.string())), with_bucket)


def _kenlm_files(recipe: KenlmRecipe) -> list[Path]:
    from curate.models.kenlm import kenlm_files

    return kenlm_files(recipe)


def _causal(recipe: CausalRecipe) -> Measure:
    from curate.models.causal import load_causal

    model = load_causal(recipe)
    measure = model.perplexity if recipe.unit == "perplexity" else model.bits_per_byte
    return Measure((pa.field(recipe.name, pa.float32()),), lambda texts: [pc.cast(_known(measure(texts)), pa.float32())])


def _causal_files(recipe: CausalRecipe) -> list[Path]:
    from curate.models.causal import causal_files

    return causal_files(recipe)


def _known(values: np.ndarray) -> pa.Array:
    """NaN becomes null: nothing was measured."""
    return pa.array(values, mask=np.isnan(values))


_OPEN: dict[type, Callable[..., Measure]] = {FastTextRecipe: _fasttext, ImportanceRecipe: _importance, KenlmRecipe: _kenlm, CausalRecipe: _causal}
_FILES: dict[type, Callable[..., Sequence[Path]]] = {
    FastTextRecipe: _fasttext_files,
    ImportanceRecipe: _importance_files,
    KenlmRecipe: _kenlm_files,
    CausalRecipe: _causal_files,
}
