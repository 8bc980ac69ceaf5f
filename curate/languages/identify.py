"""Which language a text is in, by the embedded model or any fastText file.

The embedded default is py3langid's model (Marco Lui and Adrien Barbaresi, BSD; 140 languages, a 5 MB pure-Python wheel) run by our own
kernel. It was chosen by accuracy and speed on labelled text with `python -m benchmarks.langid`: accuracy in percent, macro-averaged over
the languages that all contenders know, for whole documents / pieces of 200 / pieces of 50 characters, and MB/s of one thread on documents:

                             default      py3langid    cld2         lingua       lid.176.ftz
    26 languages, guides     91 94 89     91 94 89     91 92 83     91 93 88     89 91 86
    66 languages, UDHR       94 94 92     95 94 92     96 95 91     95 94 93     93 92 86
    5 languages, news        100 98 92    100 98 92    100 97 87    100 95 85    87 80 62
    MB/s, guides             26           1.2          14           0.5          4

How accuracy (percent, whole documents) and speed depend on `max_bytes`: guides in 26 languages / news in Swahili, Yoruba and Amharic,
microseconds a document:

                             256              512              1,024            2,048            whole text
    default                  86 100  67       87 100  110      88 100  200      88 100  260      88 100  1,400
    lid.176.ftz              84  80  25       84  86  40       85  86  70       85  85  120      85  85  590

What is left out before the model looks, and how its confidence is corrected: `docs/reference/languages.md`.

cld2 gives no probability, only "reliable" and a share of the text, so a confidence threshold would mean little; lingua is a hundred times slower and
its wheel takes 100 to 170 MB.
"""

from functools import lru_cache
from pathlib import Path

from curate.errors import CurateError
from curate.languages.model import LanguageModel

DEFAULT_VERSION = 2
"""Raised when the default model would answer otherwise than before, so that older answers are not taken up again."""


@lru_cache(maxsize=2)
def load_language_model(name: str, max_bytes: int | None = None) -> LanguageModel:
    """`default`, or the path of a fastText model. Loaded once per process. Raises CurateError if there is no such file.

    Of longer texts pieces of `max_bytes` in all are read; None: 1,024 by the default, the whole text by a fastText model.
    """
    if name == "default":
        from curate.languages.default_model import DefaultModel

        return DefaultModel(max_bytes)
    check_language_model(name)
    from curate.languages.fasttext_model import FastTextModel

    return FastTextModel(name, max_bytes)


def check_language_model(name: str) -> None:
    """Raise CurateError if a model is neither the default nor a file."""
    if name != "default" and not Path(name).is_file():
        raise CurateError(f"language.model {name}: no such file; `curate fetch-model lid.176.ftz` downloads one, `default` needs none")
