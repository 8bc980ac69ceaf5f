"""Corrects the embedded model's probabilities for languages that the model does not know.

Naive Bayes divides all probability among the 140 languages that it knows, so Maori text is Kikuyu at 0.94. But in an unknown language the
best answer scores little more than the next ones. The *fit* of a text is the lead of its best answer over the sixth best, per n-gram. A fit
well below the usual fit of text in that language lowers the score. Some unknown languages fit as well as the known one (Tswana as Northern
Sotho); there the measured precision is an upper limit of the score. `python -m benchmarks.langid_confidence` writes both figures to
`curate/languages/default_model.json`.
"""

import json
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LEAST_FIT, GOOD_FIT = 0.3, 0.5
"""Shares of a language's usual fit: at the first or below, the score is multiplied by LOWEST; from the second on it is unchanged."""
LOWEST = 0.05

PROSE_BYTES = 48
"""A text with at least this many bytes of prose is in some language, so `zxx` is ruled out."""
NO_LANGUAGE = "zxx"

_CANTONESE = "[嘅咗喺唔冇啲嚟嗰佢哋睇咁乜嘢啱㗎喎]"
_WU = "[侬覅搿伲]"
VARIETIES = {"yue": _CANTONESE, "wuu": _WU}
"""Byte n-grams cannot tell the varieties of written Chinese apart. A variety is accepted if its own characters occur _LEAST_CHARACTERS times."""
_LEAST_CHARACTERS = 2


class Limits(NamedTuple):
    """(n_classes,) float32 each: `fit`, the usual fit of text in the language, NaN where unknown; `most`, the upper limit of the score."""

    fit: np.ndarray
    most: np.ndarray


def load_limits(codes: list[str]) -> Limits:
    """The shipped figures, in the order of the model's classes."""
    table = json.loads((files("curate.languages") / "default_model.json").read_text())
    return Limits(*(np.array([table[name].get(code, otherwise) for code in codes], np.float32) for name, otherwise in (("fit", np.nan), ("most", 1.0))))


def believe(probability: np.ndarray, fit: np.ndarray, n_prose: np.ndarray, texts: pa.Array, codes: list[str], limits: Limits) -> np.ndarray:
    """Correct `probability` (n_docs, n_classes) float32 in place. `fit` and `n_prose` are (n_docs,), `texts` the text that the model saw."""
    probability[n_prose >= PROSE_BYTES, codes.index(NO_LANGUAGE)] = 0  # its share is doubt, so no other language gets it
    _one_chinese(probability, texts, codes)
    if len(probability):
        usual = limits.fit[probability.argmax(axis=1)]
        share = (fit / usual - LEAST_FIT) / (GOOD_FIT - LEAST_FIT)
        np.minimum(probability, limits.most, out=probability)
        probability *= np.where(np.isnan(share), 1, np.clip(share, LOWEST, 1))[:, None].astype(np.float32)
    return probability


def _one_chinese(probability: np.ndarray, texts: pa.Array, codes: list[str]) -> None:
    """Move a variety's probability to `zh` for texts without the variety's characters."""
    chinese = codes.index("zh")
    for variety, characters in VARIETIES.items():
        column = codes.index(variety)
        (rows,) = np.nonzero(probability[:, column] > 0.001)
        if len(rows):
            n_characters = pc.count_substring_regex(texts.take(pa.array(rows)), characters).to_numpy(zero_copy_only=False)
            rows = rows[n_characters < _LEAST_CHARACTERS]
            probability[rows, chinese] += probability[rows, column]
            probability[rows, column] = 0
