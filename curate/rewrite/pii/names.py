"""Names of persons, as a model of named entities sees them: a spaCy pipeline by package or folder, or a Hugging Face token classifier by folder."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.errors import CurateError
from curate.rewrite.pii.byte_classes import byte_spans

PERSON_LABELS = frozenset({"PERSON", "PER", "I-PER", "B-PER"})
"""What models call persons: OntoNotes' and CoNLL's names."""
_CHUNK_CHARS = 100_000
"""spaCy's parser and classifiers want texts of bounded length; longer ones are cut at line ends."""

Spans = tuple[np.ndarray, np.ndarray, np.ndarray]


class NameFinder:
    """Called with texts, gives (document, start, end), (n,) int64 each, bytes within the text.

    Raises CurateError if `model` is neither an installed spaCy package, nor the folder of a spaCy pipeline (`meta.json`) or of a
    transformers model (`config.json`). Deterministic on one kind of machine; floating-point results of a model may differ between machines.
    """

    def __init__(self, model: str) -> None:
        is_transformers = (Path(model) / "config.json").is_file() and not (Path(model) / "meta.json").is_file()
        self._persons = _transformers(model) if is_transformers else _spacy(model)

    def __call__(self, texts: pa.Array) -> Spans:
        """See the class."""
        found = [(doc, start, end) for doc, text in enumerate(texts.to_pylist()) for start, end in self._in_text(text)]
        table = np.array(found, np.int64).reshape(-1, 3)
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
