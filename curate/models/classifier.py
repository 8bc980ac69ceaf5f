"""A fastText classifier: a model file, and the form of text that it was trained on."""

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from curate.errors import CurateError
from curate.models.fasttext_kernel import FastTextKernel
from shards.record import read_record

CARD = "card.json"
LABEL = "__label__"


@dataclass(frozen=True)
class TextForm:
    """How text is prepared, in training and in use; part of the card of every trained model.

    fastText reads one document per line, splits at spaces, takes `</s>` as the end of the line, and `__label__…` as a label.
    """

    lowercase: bool = False

    def apply(self, texts: pa.Array) -> pa.Array:
        """(n_docs,) large_string → the same, one line per text, without fastText's own marks; null becomes empty."""
        lines = pc.fill_null(texts, "")
        for mark, plain in (("\n", " "), ("</s>", " "), (LABEL, "label ")):
            lines = pc.replace_substring(lines, mark, plain)
        return pc.utf8_lower(lines) if self.lowercase else lines

    def to_json(self) -> dict[str, Any]:
        """Value in the card, with a sentence on what is always done."""
        return {**asdict(self), "always": "line feeds and </s> become blanks, __label__ becomes 'label '; null is empty"}


class _Form(BaseModel):
    lowercase: bool


class _Card(BaseModel):
    """The keys read from `card.json`, which `curate fit-classifier` writes."""

    form: _Form


class Labelled(NamedTuple):
    """`label` (n_docs,) string, null if the model knows no word of the text; `score` (n_docs,) float32, its probability, or 0."""

    label: pa.Array
    score: np.ndarray


class Classifier:
    """A fastText model and the form of its text. `labels` are without `__label__`, in the model's order."""

    def __init__(self, kernel: FastTextKernel, form: TextForm) -> None:
        self.kernel, self.form = kernel, form
        self.labels = list(kernel.labels)

    def probabilities(self, texts: pa.Array) -> np.ndarray:
        """(n_docs, n_labels) float32 of (n_docs,) large_string; a row of zeros if the model knows no word of the text."""
        return self.kernel.probabilities(self.form.apply(texts))

    def probability(self, texts: pa.Array, label: str) -> np.ndarray:
        """(n_docs,) float32: probability of one label."""
        return self.kernel.probability(self.form.apply(texts), label)

    def most_likely(self, texts: pa.Array) -> Labelled:
        """Most likely label of each of (n_docs,) large_string."""
        top = self.kernel.top(self.form.apply(texts))
        numbers = pa.array(top.label[:, 0], mask=top.label[:, 0] < 0)
        return Labelled(pa.array(self.labels, pa.string()).take(numbers), top.score[:, 0])


def model_file(path: str) -> Path:
    """`path` itself, or model.bin or model.ftz in the folder `path`. Raises CurateError if there is none."""
    location = Path(path)
    if location.is_file():
        return location
    for name in ("model.bin", "model.ftz"):
        if (location / name).is_file():
            return location / name
    reason = "no model.bin or model.ftz in this folder" if location.is_dir() else "no such file or folder"
    raise CurateError(f"fastText model {path}: {reason}; train one with `curate fit-classifier`, or give a .bin or .ftz file")


@lru_cache(maxsize=8)
def load_classifier(path: str, lowercase: bool = False) -> Classifier:
    """The classifier in a folder of `curate fit-classifier` or in a file, loaded once per process. Raises CurateError if it cannot be used."""
    file = model_file(path)
    return Classifier(FastTextKernel(file), _form(file, lowercase))


def known_label(classifier: Classifier, label: str, path: str) -> str:
    """A label, given with or without `__label__`, as the model names it. For an unknown label, raises CurateError with the known ones."""
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
