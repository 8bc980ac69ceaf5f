"""A fastText classifier applied to documents: a model file with the text form it was trained on."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from curate.errors import CurateError
from curate.models.fasttext_kernel import FastTextKernel
from curate.models.prepare import LABEL, TextForm
from shards.record import read_record

CARD = "card.json"
KIND = "fasttext_classifier"


class _Form(BaseModel):
    lowercase: bool


class _Card(BaseModel):
    """What is read of `card.json`, which `curate fit-classifier` writes."""

    form: _Form


class Labelled(NamedTuple):
    """`label` (n_docs,) string, null where no word of the text is known; `score` (n_docs,) float32, its probability, 0 there."""

    label: pa.Array
    score: np.ndarray


class Classifier:
    """A fastText model and the form of text it wants. `labels` are without `__label__`, in the model's order."""

    def __init__(self, kernel: FastTextKernel, form: TextForm) -> None:
        self.kernel, self.form = kernel, form
        self.labels = list(kernel.labels)

    def probabilities(self, texts: pa.Array) -> np.ndarray:
        """(n_docs, n_labels) float32 of (n_docs,) large_string; all 0 where no word of the text is known."""
        return self.kernel.probabilities(self.form.apply(texts))

    def probability(self, texts: pa.Array, label: str) -> np.ndarray:
        """(n_docs,) float32: that of one label."""
        return self.kernel.probability(self.form.apply(texts), label)

    def most_likely(self, texts: pa.Array) -> Labelled:
        """The most likely label of (n_docs,) large_string."""
        top = self.kernel.top(self.form.apply(texts))
        numbers = pa.array(top.label[:, 0], mask=top.label[:, 0] < 0)
        return Labelled(pa.array(self.labels, pa.string()).take(numbers), top.score[:, 0])


def model_file(path: str) -> Path:
    """The model's file: `path` itself, or model.bin or model.ftz in the folder. Raises CurateError if there is none."""
    place = Path(path)
    if place.is_file():
        return place
    for name in ("model.bin", "model.ftz"):
        if (place / name).is_file():
            return place / name
    reason = "no model.bin or model.ftz in this folder" if place.is_dir() else "no such file or folder"
    raise CurateError(f"fastText model {path}: {reason}; train one with `curate fit-classifier`, or give a .bin or .ftz file")


@lru_cache(maxsize=8)
def load_classifier(path: str, lowercase: bool = False) -> Classifier:
    """The classifier in a folder of `curate fit-classifier`, or of a bare file; once per process. Raises CurateError if it cannot be used."""
    file = model_file(path)
    return Classifier(FastTextKernel(file), _form(file, lowercase))


def known_label(classifier: Classifier, label: str, path: str) -> str:
    """A label, given with or without `__label__`, as the model has it. Raises CurateError that names those there are."""
    plain = label.removeprefix(LABEL)
    if plain not in classifier.labels:
        shown = ", ".join(classifier.labels[:20]) + (" …" if len(classifier.labels) > 20 else "")
        raise CurateError(f"fastText model {path}: no label {plain!r}; it has {shown}")
    return plain


def _form(file: Path, lowercase: bool) -> TextForm:
    card = file.parent / CARD
    if not card.is_file():
        return TextForm(lowercase)
    return TextForm(read_record(card, _Card, error=CurateError, remedy="train the model again with `curate fit-classifier`").form.lowercase)
