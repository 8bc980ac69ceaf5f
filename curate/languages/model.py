"""Interface of language models: a code and a score for each text, or a list of candidates."""

from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa

UNKNOWN = "und"
"""Code of a text in which the model recognises nothing (ISO 639-2)."""


class Languages(NamedTuple):
    """`code` (n_docs,) string, named as in the model; `score` (n_docs,) float32, the probability of that language."""

    code: pa.Array
    score: np.ndarray


MAX_CANDIDATES = 20
"""Upper limit of languages listed for a text."""

CANDIDATES = pa.list_(pa.struct([("language", pa.string()), ("score", pa.float32())]))
"""Type of a text's languages with their probabilities, most probable first."""


def pairs(codes: np.ndarray, label: np.ndarray, score: np.ndarray, least: float) -> pa.Array:
    """(n_docs,) of CANDIDATES with a score of at least `least`. `label` and `score` are (n_docs, k), most probable first."""
    is_listed = (score >= least) & (score > 0)
    offsets = np.append(0, np.cumsum(is_listed.sum(axis=1))).astype(np.int32)
    values = pa.StructArray.from_arrays([pa.array(codes[label[is_listed]], pa.string()), pa.array(score[is_listed], pa.float32())], ["language", "score"])
    return pa.ListArray.from_arrays(pa.array(offsets), values).cast(CANDIDATES)


class LanguageModel(Protocol):
    """Identifies the language of each text."""

    def identify(self, texts: pa.Array) -> Languages:
        """The most likely language of each of (n_docs,) texts, large_string without nulls."""
        ...

    def candidates(self, texts: pa.Array, least: float) -> pa.Array:
        """(n_docs,) of CANDIDATES: languages with a probability of at least `least`, at most MAX_CANDIDATES."""
        ...
