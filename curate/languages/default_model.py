"""The embedded language model: py3langid's automaton and weights, over Arrow's buffers.

langid.py (Lui and Baldwin 2012, https://aclanthology.org/P12-3005) runs an automaton over the text's bytes, counts the byte n-grams that it
recognises and scores them by naive Bayes. py3langid does so in Python, at 1 to 2 MB/s. This kernel reads the same tables and gives the same answers.
"""

from importlib.metadata import version
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.buffers import text_buffers
from curate.kernels.kept_arrays import kept_arrays
from curate.kernels.kernel import source_digest
from curate.kernels.normal_forms import normal_form
from curate.languages.confidence import believe, load_limits
from curate.languages.model import MAX_CANDIDATES, UNKNOWN, Languages, pairs
from curate.languages.prose import prose_of
from curate.languages.sample import sample_texts

MAX_BYTES = 1024
"""Default of `max_bytes`: 1 KB identifies a language as well as the whole text (figures in `identify.py`)."""

_AHEAD, _LINE_WEIGHTS, _N_LOGS = 8, 32, 1024
"""N-grams by which weights are prefetched; weights per cache line; number of counts with tabulated logarithms."""

_RUNNERS = 6
"""The lead of the best answer is measured against the one of this rank."""

_HALF_SCALE = np.float32(2.0**112)
"""The bits of a half float, shifted into a float32, give its value divided by this."""


class DefaultModel:
    """140 languages by ISO 639 code, and `zxx` for text in no language. Scores are probabilities, tempered by text length."""

    def __init__(self, max_bytes: int | None = None) -> None:
        self._max_bytes = max_bytes or MAX_BYTES
        model = kept_arrays("py3langid", [version("py3langid"), source_digest(__file__)], _unpack_model)
        self.codes = model["codes"].astype(object)
        self._next_state, self._row, self._feature = model["next_state"], model["row"], model["feature"]
        self._weights, self._prior, self._column = model["weights"], model["prior"], model["column"]
        self._classes = [str(code) for code in self.codes[:-1]]
        self._limits = load_limits(self._classes)

    def identify(self, texts: pa.Array) -> Languages:
        """See `LanguageModel.identify`. A text without known n-grams is `und` with score 0."""
        probability = self._probabilities(texts)
        best = probability.argmax(axis=1) if len(probability) else np.zeros(0, np.int64)
        score = np.take_along_axis(probability, best[:, None], axis=1)[:, 0]
        return Languages(pa.array(self.codes[np.where(score > 0, best, -1)], pa.string()), score)

    def candidates(self, texts: pa.Array, least: float) -> pa.Array:
        """See `LanguageModel.candidates`."""
        probability = self._probabilities(texts)
        order = np.argsort(-probability, axis=1, kind="stable")[:, :MAX_CANDIDATES]
        return pairs(self.codes, order, np.take_along_axis(probability, order, axis=1), least)

    def _probabilities(self, texts: pa.Array) -> np.ndarray:
        """(n_docs, n_classes) float32; a row of zeros for a text without known n-grams."""
        prose = prose_of(texts)
        sampled = sample_texts(prose.texts, self._max_bytes)
        probability, fit = self.classify(sampled)
        return believe(probability, fit, prose.n_bytes, sampled, self._classes, self._limits)

    def classify(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Uncorrected answers from all bytes of (n_docs,) texts: probability (n_docs, n_classes) and fit (n_docs,), float32."""
        utf8, offsets = text_buffers(_as_trained(texts))
        probability = np.zeros((len(offsets) - 1, len(self._prior)), np.float32)
        fit = np.zeros(len(probability), np.float32)
        _classify(utf8, offsets, self._next_state, self._row, self._feature, self._weights, self._prior, self._column, probability, fit)
        return probability, fit


def _unpack_model() -> dict[str, np.ndarray]:
    """The arrays that the kernel reads, from the model in the wheel. Unpacking takes a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model: Any = LanguageIdentifier.from_model_file(MODEL_FILE)
    codes = [str(code) for code in model.nb_classes]
    return {
        "codes": np.array([*codes, UNKNOWN]),
        "next_state": np.frombuffer(model.tk_nextmove, dtype=np.uint32),
        "row": np.frombuffer(model.tk_row, dtype=np.uint16).astype(np.uint32),
        "feature": np.asarray(model.tk_output, dtype=np.int32),
        # Kept as half floats, because the kernel is limited by memory reads.
        "weights": model.nb_ptc.view(np.uint16),
        "prior": model.nb_pc.astype(np.float32),
        # A language with two scripts has two columns; both are added into the first.
        "column": np.array([codes.index(code) for code in codes], dtype=np.int64),
    }


def _as_trained(texts: pa.Array) -> pa.Array:
    """Texts in NFC, as in training; texts in capitals only are lowercased."""
    if pc.all(pc.and_(pc.string_is_ascii(texts), pc.match_substring_regex(texts, "[a-z]"))).as_py():
        return texts
    lowered = [text.lower() if text.isupper() else text for text in texts.to_pylist()]
    return pa.array([normal_form("NFC", text) for text in lowered], pa.large_string())


@numba.njit(cache=True, nogil=True)
def _classify(utf8, offsets, next_state, row, feature, weights, prior, column, probability, fit):  # type: ignore[no-untyped-def]
    n_docs, n_classes = probability.shape
    counts = np.zeros(len(weights), dtype=np.int32)
    seen = np.empty(len(weights) + _AHEAD, dtype=np.int32)
    bits = np.empty(n_classes, dtype=np.int32)
    value = bits.view(np.float32)
    logs = np.log1p(np.arange(_N_LOGS).astype(np.float64)).astype(np.float32)
    best = np.empty(_RUNNERS, dtype=np.float32)
    touched = 0
    for doc in range(n_docs):
        n_seen = _count(utf8, offsets[doc], offsets[doc + 1], next_state, row, feature, counts, seen, 0)
        if n_seen == 0:
            continue
        seen[n_seen : n_seen + _AHEAD] = seen[n_seen - 1]
        logits = prior.copy()
        total = np.float32(0)
        for index in range(n_seen):
            # Weights are scattered over 28 MB: prefetch those of a later n-gram by reading one value from each cache line.
            later = seen[index + _AHEAD]
            for label in range(0, n_classes, _LINE_WEIGHTS):
                touched += weights[later, label]
            ngram = seen[index]
            weight = logs[counts[ngram]] if counts[ngram] < _N_LOGS else np.float32(np.log1p(np.float64(counts[ngram])))
            counts[ngram] = 0
            total += weight
            scale = weight * _HALF_SCALE
            for label in range(n_classes):
                half = np.int32(weights[ngram, label])
                bits[label] = ((half & 0x8000) << 16) | ((half & 0x7FFF) << 13)
            for label in range(n_classes):
                logits[label] += scale * value[label]
        fit[doc] = _lead(logits, best) / total
        # Otherwise every answer for a long text would be certain. py3langid's temperature is the square root of the length in bytes.
        logits = np.exp((logits - logits.max()) / np.float32(np.sqrt(offsets[doc + 1] - offsets[doc])))
        logits /= logits.sum()
        for label in range(n_classes):
            probability[doc, column[label]] += logits[label]
    return touched


@numba.njit(cache=True, nogil=True)
def _lead(logits, best):  # type: ignore[no-untyped-def]
    """Lead of the best logit over the one of rank len(best). `best` is scratch memory."""
    best[:] = -np.inf
    for value in logits:
        rank = len(best) - 1
        if value > best[rank]:
            while rank > 0 and best[rank - 1] < value:
                best[rank] = best[rank - 1]
                rank -= 1
            best[rank] = value
    return best[0] - best[-1]


@numba.njit(cache=True, nogil=True)
def _count(utf8, start, stop, next_state, row, feature, counts, seen, n_seen):  # type: ignore[no-untyped-def]
    """Run the automaton over utf8[start:stop]: count each n-gram in `counts`, list them in `seen` by first occurrence. Returns the length of `seen`."""
    state = np.uint32(0)
    for i in range(start, stop):
        state = next_state[(np.int64(row[state]) << 8) + utf8[i]]
        ngram = feature[state]
        if ngram >= 0:
            if counts[ngram] == 0:
                seen[n_seen] = ngram
                n_seen += 1
            counts[ngram] += 1
    return n_seen
