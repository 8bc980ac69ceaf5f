"""The embedded language model: py3langid's automaton and weights, over Arrow's buffers.

langid.py (Lui and Baldwin 2012, https://aclanthology.org/P12-3005) walks an automaton over the text's bytes, counts the byte n-grams it
recognises and weighs them by naive Bayes. py3langid walks in Python, at 1 to 2 MB/s; the kernel here takes the same tables and gives the same answer.
"""

import unicodedata
from typing import Any

import numba
import numpy as np
import pyarrow as pa
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from curate.models.language import UNKNOWN, Languages
from curate.signals.buffers import text_buffers

N_WINDOWS, WINDOW_BYTES = 8, 128
"""Of a text longer than their product, so many pieces of such size are read, evenly spread: 1 KB tell a language as well as all of it."""

_HALF_SCALE = np.float32(2.0**112)
"""A half float's bits, moved into a float32's places, are its value divided by this."""


class DefaultModel:
    """140 languages by their ISO 639 codes, and `zxx` for what is no language. Scores are probabilities tempered by text length."""

    def __init__(self) -> None:
        model: Any = LanguageIdentifier.from_model_file(MODEL_FILE)
        self.codes = np.array([*model.nb_classes, UNKNOWN], dtype=object)
        self._next_state = np.frombuffer(model.tk_nextmove, dtype=np.uint32)
        self._row = np.frombuffer(model.tk_row, dtype=np.uint16).astype(np.uint32)
        self._feature = np.asarray(model.tk_output, dtype=np.int32)
        # Half floats as they are stored: reading them is what the kernel waits for.
        self._weights = model.nb_ptc.view(np.uint16)
        self._prior = model.nb_pc.astype(np.float32)
        # A language written in two scripts has two columns; the second counts for the first.
        self._column = np.array([model.nb_classes.index(code) for code in model.nb_classes], dtype=np.int64)

    def identify(self, texts: pa.Array) -> Languages:
        """See `LanguageModel.identify`. A text in which no n-gram is known is `und` with score 0."""
        utf8, offsets = text_buffers(_as_trained(texts))
        best, score = _identify(utf8, offsets, self._next_state, self._row, self._feature, self._weights, self._prior, self._column)
        return Languages(pa.array(self.codes[best], pa.string()), score)


def _as_trained(texts: pa.Array) -> pa.Array:
    """The model was trained on NFC; texts in capitals only are put in lower case."""
    lowered = [text.lower() if text.isupper() else text for text in texts.to_pylist()]
    return pa.array([unicodedata.normalize("NFC", text) for text in lowered], pa.large_string())


@numba.njit(cache=True, nogil=True)
def _identify(utf8, offsets, next_state, row, feature, weights, prior, column):  # type: ignore[no-untyped-def]
    n_docs, n_classes = len(offsets) - 1, len(prior)
    best = np.empty(n_docs, dtype=np.int64)
    score = np.zeros(n_docs, dtype=np.float32)
    counts = np.zeros(len(weights), dtype=np.int32)
    seen = np.empty(len(weights), dtype=np.int32)
    bits = np.empty(n_classes, dtype=np.int32)
    value = bits.view(np.float32)
    for doc in range(n_docs):
        start, stop = offsets[doc], offsets[doc + 1]
        n_windows = N_WINDOWS if stop - start > N_WINDOWS * WINDOW_BYTES else 1
        length = min(stop - start, N_WINDOWS * WINDOW_BYTES)
        n_seen = 0
        for window in range(n_windows):
            first = _character(utf8, start + (stop - start) * window // n_windows)
            last = min(first + length // n_windows, stop)
            n_seen = _count(utf8, first, last, next_state, row, feature, counts, seen, n_seen)
        if n_seen == 0:
            best[doc] = n_classes
            continue
        logits = prior.copy()
        for index in range(n_seen):
            one = seen[index]
            weight = np.float32(np.log1p(np.float64(counts[one])))
            counts[one] = 0
            scale = weight * _HALF_SCALE
            for label in range(n_classes):
                half = np.int32(weights[one, label])
                bits[label] = ((half & 0x8000) << 16) | ((half & 0x7FFF) << 13)
            for label in range(n_classes):
                logits[label] += scale * value[label]
        # Long texts would make every answer certain: py3langid's temperature is the root of the length in bytes.
        logits = np.exp((logits - logits.max()) / np.float32(np.sqrt(length)))
        probability = np.zeros(n_classes)
        for label in range(n_classes):
            probability[column[label]] += logits[label]
        best[doc] = probability.argmax()
        score[doc] = probability[best[doc]] / logits.sum()
    return best, score


@numba.njit(cache=True, nogil=True)
def _count(utf8, start, stop, next_state, row, feature, counts, seen, n_seen):  # type: ignore[no-untyped-def]
    """Walk the automaton over one piece of text: how often each feature occurs, and which do, in order of first sight."""
    state = np.uint32(0)
    for place in range(start, stop):
        state = next_state[(np.int64(row[state]) << 8) + utf8[place]]
        found = feature[state]
        if found >= 0:
            if counts[found] == 0:
                seen[n_seen] = found
                n_seen += 1
            counts[found] += 1
    return n_seen


@numba.njit(cache=True, nogil=True)
def _character(utf8, place):  # type: ignore[no-untyped-def]
    """The start of the character that `place` lies in."""
    while utf8[place] & 0xC0 == 0x80:
        place -= 1
    return place
