"""Language identification by the embedded model or any fastText file.

The default is py3langid's model (Marco Lui and Adrien Barbaresi, BSD; 140 languages, a 5 MB pure-Python wheel), run by our own kernel. It
was chosen for accuracy and speed on labelled text, measured by `python -m benchmarks.langid`. Below: accuracy in percent, macro-averaged over
the languages that all models know, on whole documents / pieces of 200 / pieces of 50 characters; MB/s on documents with one thread.

                             default      py3langid    cld2         lingua       lid.176.ftz
    26 languages, guides     91 94 89     91 94 89     91 92 83     91 93 88     89 91 86
    66 languages, UDHR       94 94 92     95 94 92     96 95 91     95 94 93     93 92 86
    5 languages, news        100 98 92    100 98 92    100 97 87    100 95 85    87 80 62
    MB/s, guides             26           1.2          14           0.5          4

Accuracy and speed by `max_bytes`: percent of whole documents, for guides in 26 languages / news in Swahili, Yoruba and Amharic; then
microseconds per document.

                             256              512              1,024            2,048            whole text
    default                  86 100  67       87 100  110      88 100  200      88 100  260      88 100  1,400
    lid.176.ftz              84  80  25       84  86  40       85  86  70       85  85  120      85  85  590

`docs/reference/languages.md` says what is removed from a text before identification, and how the confidence is corrected.

cld2 gives no probability, only "reliable" and a share of the text, so a confidence threshold would mean little. lingua is a hundred times
slower, and its wheel takes 100 to 170 MB.
"""

from functools import lru_cache
from pathlib import Path

from curate.errors import CurateError
from curate.languages.model import LanguageModel

DEFAULT_VERSION = 2
"""To be raised whenever answers of the default model change, so that stored answers of older versions are not reused."""


@lru_cache(maxsize=2)
def load_language_model(name: str, max_bytes: int | None = None) -> LanguageModel:
    """`default`, or the path of a fastText model. Loaded once per process. Raises CurateError if there is no such file.

    Longer texts are sampled: pieces of `max_bytes` in total are read. None: 1,024 with the default model, the whole text with a fastText model.
    """
    if name == "default":
        from curate.languages.default_model import DefaultModel

        return DefaultModel(max_bytes)
    check_language_model(name)
    from curate.languages.fasttext_model import FastTextModel

    return FastTextModel(name, max_bytes)


def check_language_model(name: str) -> None:
    """Raise CurateError if `name` is neither `default` nor an existing file."""
    if name != "default" and not Path(name).is_file():
        raise CurateError(f"language.model {name}: no such file; `curate fetch-model lid.176.ftz` downloads one, `default` needs none")
