"""Language confusion: lines of generated text in another language or script than their document.

The line-level pass rate of Marchisio et al. 2024 (arXiv 2406.20052) counts answers without a wrong line; a line is wrong if a language identifier
names another language than the one expected. Identifiers err on short and broken lines, so the author's own continuation is measured beside the
models'. The script of letters is measured, too: it needs no identifier and cannot err.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import regex

from eval.errors import EvalError

Identify = Callable[[str], tuple[str, float]]
"""line → (language, probability)"""

SCRIPTS = tuple(
    [
        "Latin",
        "Cyrillic",
        "Greek",
        "Arabic",
        "Hebrew",
        "Devanagari",
        "Bengali",
        "Gurmukhi",
        "Gujarati",
        "Oriya",
        "Tamil",
        "Telugu",
        "Kannada",
        "Malayalam",
        "Sinhala",
        "Thai",
        "Lao",
        "Khmer",
        "Myanmar",
        "Tibetan",
        "Georgian",
        "Armenian",
        "Ethiopic",
        "Hangul",
        "Hiragana",
        "Katakana",
        "Han",
    ]
)
_BY_SCRIPT = [(script, regex.compile(rf"\p{{{script}}}")) for script in SCRIPTS]
_LETTER = regex.compile(r"\p{L}")
_COMMON_SHARE = 0.05
"""A script is expected where it holds at least this share of the letters of the author's texts."""


def letters_by_script(text: str) -> Counter[str]:
    """Number of letters by script; letters of rare scripts count as `other`."""
    return Counter(script_of(letter) for letter in _LETTER.findall(text))


@lru_cache(1 << 16)
def script_of(letter: str) -> str:
    """Unicode script of a letter, `other` if it is none of `SCRIPTS`."""
    return next((script for script, pattern in _BY_SCRIPT if pattern.match(letter)), "other")


def expected_scripts(texts: Iterable[str]) -> frozenset[str]:
    """Scripts that hold at least 5% of the letters of `texts`; empty if there are no letters."""
    counts: Counter[str] = sum((letters_by_script(text) for text in texts), Counter())
    total = sum(counts.values())
    return frozenset(script for script, n in counts.items() if n >= _COMMON_SHARE * total)


def wrong_letters(text: str, expected: frozenset[str]) -> tuple[int, int]:
    """Letters in other scripts than those expected, and all letters."""
    counts = letters_by_script(text)
    return sum(n for script, n in counts.items() if script not in expected), sum(counts.values())


def wrong_lines(text: str, language: str, identify: Identify, min_letters: int, min_probability: float) -> tuple[int, int]:
    """Lines in another language than `language`, and lines judged: those with at least `min_letters` letters."""
    lines = [line for line in text.splitlines() if len(_LETTER.findall(line)) >= min_letters]
    named = [identify(line) for line in lines]
    return sum(name != language and probability >= min_probability for name, probability in named), len(lines)


@cache
def identifier(choice: str | Path) -> Identify:
    """The identifier `py3langid`, or that of a fastText model file. Raises EvalError if its package or file is missing."""
    return _py3langid() if choice == "py3langid" else _fasttext(Path(choice))


def _py3langid() -> Identify:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise EvalError("language.identifier: py3langid is not installed; pip install 'cptkit[eval]', or set language: null") from None
    named: Any = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def identify(line: str) -> tuple[str, float]:
        language, probability = named.classify(line)
        return str(language), float(probability)

    return identify


def _fasttext(path: Path) -> Identify:
    if not path.is_file():
        raise EvalError(f"language.identifier: no file {path}; give a fastText model such as lid.176.ftz, or py3langid")
    try:
        import fasttext
    except ImportError:
        raise EvalError("language.identifier: a fastText model needs the package fasttext; pip install 'cptkit[curate]', or set py3langid") from None
    try:
        model = fasttext.load_model(str(path))
    except (ValueError, RuntimeError) as error:
        raise EvalError(f"language.identifier: {path} is not a fastText model ({error})") from None

    def identify(line: str) -> tuple[str, float]:
        labels, probabilities = model.predict(line.replace("\n", " "))
        return (labels[0].removeprefix("__label__"), float(probabilities[0])) if labels else ("", 0.0)

    return identify
