"""What a model of languages answers: a code and a score for each text, and its candidates."""

from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa

UNKNOWN = "und"
"""The code of a text in which the model finds nothing to go by (ISO 639-2)."""


class Languages(NamedTuple):
    """`code` (n_docs,) string, as the model names them; `score` (n_docs,) float32, the model's probability of that language."""

    code: pa.Array
    score: np.ndarray


MAX_CANDIDATES = 20
"""Languages listed of a text, at most."""

CANDIDATES = pa.list_(pa.struct([("language", pa.string()), ("score", pa.float32())]))
"""Languages of a text with their probabilities, most probable first."""


def pairs(codes: np.ndarray, label: np.ndarray, score: np.ndarray, least: float) -> pa.Array:
    """(n_docs,) of CANDIDATES from labels and scores (n_docs, k), most probable first: those with a score of at least `least`."""
    is_listed = (score >= least) & (score > 0)
    offsets = np.append(0, np.cumsum(is_listed.sum(axis=1))).astype(np.int32)
    values = pa.StructArray.from_arrays([pa.array(codes[label[is_listed]], pa.string()), pa.array(score[is_listed], pa.float32())], ["language", "score"])
    return pa.ListArray.from_arrays(pa.array(offsets), values).cast(CANDIDATES)


class LanguageModel(Protocol):
    """Anything that names the language of each text."""

    def identify(self, texts: pa.Array) -> Languages:
        """The most likely language of each of (n_docs,) texts, large_string without nulls."""
        ...

    def candidates(self, texts: pa.Array, least: float) -> pa.Array:
        """(n_docs,) of CANDIDATES: all languages with a probability of at least `least`, MAX_CANDIDATES at most."""
        ...
