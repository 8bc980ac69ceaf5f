"""Which language a text is in, by the embedded model or any fastText file.

The embedded default is py3langid's model (Marco Lui and Adrien Barbaresi, BSD; 140 languages, a 5 MB pure-Python wheel) run by our own
kernel. It was chosen by accuracy and speed on labelled text with `python -m benchmarks.language`: accuracy in percent, macro-averaged over
the languages that all contenders know, for whole documents / pieces of 200 / pieces of 50 characters, and MB/s of one thread on documents:

                             default      py3langid    cld2         lingua       lid.176.ftz
    26 languages, guides     91 94 89     91 94 89     91 92 83     91 93 88     89 91 86
    66 languages, UDHR       94 94 92     95 94 92     96 95 91     95 94 93     93 92 86
    5 languages, news        100 98 92    100 98 92    100 97 87    100 95 85    87 80 62
    MB/s, guides             26           1.2          14           0.5          4

cld2 gives no probability, only "reliable" and a share of the text, so a confidence threshold would mean little; lingua is a hundred times slower and
its wheel takes 100 to 170 MB.
"""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from curate.errors import CurateError

UNKNOWN = "und"
"""The code of a text in which the model finds nothing to go by (ISO 639-2)."""


class Languages(NamedTuple):
    """`code` (n_docs,) string, as the model names them; `score` (n_docs,) float32, the model's probability of that language."""

    code: pa.Array
    score: np.ndarray


class LanguageModel(Protocol):
    """Anything that names the language of each text."""

    def identify(self, texts: pa.Array) -> Languages:
        """The most likely language of each of (n_docs,) texts, large_string without nulls."""
        ...


@lru_cache(maxsize=2)
def load_language_model(name: str) -> LanguageModel:
    """`default`, or the path of a fastText model. Loaded once per process. Raises CurateError if there is no such file."""
    if name == "default":
        from curate.models.language_default import DefaultModel

        return DefaultModel()
    check_language_model(name)
    from curate.models.language_fasttext import FastTextModel

    return FastTextModel(name)


def check_language_model(name: str) -> None:
    """Raise CurateError if a model is neither the default nor a file."""
    if name != "default" and not Path(name).is_file():
        raise CurateError(f"language.model {name}: no such file; `curate fetch-model lid.176.ftz` downloads one, `default` needs none")
