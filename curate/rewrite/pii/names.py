"""Find names of persons by a model of named entities: a spaCy pipeline (package or folder) or a Hugging Face token classifier (folder)."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.errors import CurateError
from curate.rewrite.pii.byte_classes import byte_spans
from curate.rewrite.pii.kinds import Spans

PERSON_LABELS = frozenset({"PERSON", "PER", "I-PER", "B-PER"})
"""Labels of persons in OntoNotes and CoNLL."""
_CHUNK_CHARS = 100_000
"""Longer texts are cut at line ends, because spaCy's parser and classifiers need texts of bounded length."""


class NameFinder:
    """Finds persons in texts.

    Raises CurateError if `model` is neither an installed spaCy package nor the folder of a spaCy pipeline (`meta.json`) or of a transformers model
    (`config.json`). Deterministic on one kind of machine; floating-point results of a model may differ between machines.
    """

    def __init__(self, model: str) -> None:
        is_transformers = (Path(model) / "config.json").is_file() and not (Path(model) / "meta.json").is_file()
        self._persons = _transformers(model) if is_transformers else _spacy(model)

    def __call__(self, texts: pa.Array) -> Spans:
        """Spans of persons in texts (n_docs,)."""
        spans = [(doc, start, end) for doc, text in enumerate(texts.to_pylist()) for start, end in self._in_text(text)]
        table = np.array(spans, np.int64).reshape(-1, 3)
        return table[:, 0], table[:, 1], table[:, 2]

    def _in_text(self, text: str) -> list[tuple[int, int]]:
        spans, begin, shift = [], 0, 0
        while begin < len(text):
            end = len(text) if len(text) - begin <= _CHUNK_CHARS else text.rfind("\n", begin, begin + _CHUNK_CHARS) + 1 or begin + _CHUNK_CHARS
            chunk = text[begin:end]
            spans += [(shift + start, shift + stop) for start, stop in byte_spans(chunk, self._persons(chunk))]
            begin, shift = end, shift + len(chunk.encode())
        return spans


def _spacy(model: str) -> Any:
    import spacy

    try:
        pipeline = spacy.load(model)
    except (OSError, ValueError) as error:
        raise CurateError(f"rewrite.pii.names: no spaCy pipeline or transformers folder {model!r} ({' '.join(str(error).split())[:120]})") from None
    return lambda text: [(entity.start_char, entity.end_char) for entity in pipeline(text).ents if entity.label_ in PERSON_LABELS]


def _transformers(model: str) -> Any:
    try:
        from transformers import pipeline
    except ImportError:
        raise CurateError("rewrite.pii.names: a Hugging Face model needs transformers: pip install cptkit[train]") from None
    classify = pipeline("token-classification", model=model, aggregation_strategy="simple", device="cpu")
    return lambda text: [(entity["start"], entity["end"]) for entity in classify(text) if entity["entity_group"] in PERSON_LABELS]
