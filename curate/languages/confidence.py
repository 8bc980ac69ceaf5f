"""How far the embedded model's answer can be believed: its probabilities, corrected by what the model cannot know.

naive Bayes shares all probability among the 140 languages it knows: Maori is Kikuyu at 0.94. Text of an unknown language, though, lies about as far from
its second-best answers as from the best one. So a text's *fit*, the lead of the best over the sixth-best answer per n-gram, is held against that
of text really in the language, and a poor one lowers the score. Where a language unknown to the model fits as well (Tswana as Northern
Sotho), no answer is surer than its measured precision. Both figures are in `curate/languages/default_model.json`, written by
`python -m benchmarks.langid_confidence`.
"""

import json
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LEAST_FIT, GOOD_FIT = 0.3, 0.5
"""Shares of a language's usual fit: with the first the score is at its lowest, from the second on it is left as it is."""
LOWEST = 0.05

PROSE_BYTES = 48
"""A text with so many bytes of prose is in some language: `zxx` is no answer to it."""
NO_LANGUAGE = "zxx"

_CANTONESE = "[嘅咗喺唔冇啲嚟嗰佢哋睇咁乜嘢啱㗎喎]"
_WU = "[侬覅搿伲]"
VARIETIES = {"yue": _CANTONESE, "wuu": _WU}
"""Written Chinese is one language to n-grams of bytes; a variety is believed where characters that only it uses stand _LEAST_CHARACTERS times."""
_LEAST_CHARACTERS = 2


class Limits(NamedTuple):
    """(n_classes,) float32 each: `fit` of text in the language, NaN where unknown; `most`, the highest score."""

    fit: np.ndarray
    most: np.ndarray


def load_limits(codes: list[str]) -> Limits:
    """The shipped figures for the model's classes."""
    table = json.loads((files("curate.languages") / "default_model.json").read_text())
    return Limits(*(np.array([table[name].get(code, otherwise) for code in codes], np.float32) for name, otherwise in (("fit", np.nan), ("most", 1.0))))


def believe(probability: np.ndarray, fit: np.ndarray, n_prose: np.ndarray, texts: pa.Array, codes: list[str], limits: Limits) -> np.ndarray:
    """Probabilities (n_docs, n_classes) float32 as they can be believed; in place. `fit` and `n_prose` (n_docs,), `texts` what was judged."""
    probability[n_prose >= PROSE_BYTES, codes.index(NO_LANGUAGE)] = 0  # what it had is doubt, and goes to none of the others
    _one_chinese(probability, texts, codes)
    if len(probability):
        usual = limits.fit[probability.argmax(axis=1)]
        share = (fit / usual - LEAST_FIT) / (GOOD_FIT - LEAST_FIT)
        np.minimum(probability, limits.most, out=probability)
        probability *= np.where(np.isnan(share), 1, np.clip(share, LOWEST, 1))[:, None].astype(np.float32)
    return probability


def _one_chinese(probability: np.ndarray, texts: pa.Array, codes: list[str]) -> None:
    """Give `zh` what the varieties have of texts without their characters."""
    chinese = codes.index("zh")
    for variety, characters in VARIETIES.items():
        column = codes.index(variety)
        (rows,) = np.nonzero(probability[:, column] > 0.001)
        if len(rows):
            n_found = pc.count_substring_regex(texts.take(pa.array(rows)), characters).to_numpy(zero_copy_only=False)
            rows = rows[n_found < _LEAST_CHARACTERS]
            probability[rows, chinese] += probability[rows, column]
            probability[rows, column] = 0
