import random
import re
import unicodedata

import polars as pl
import pyarrow as pa

from curate.signals.maths import MATH_WORDS
from curate.signals.measure import measure
from curate.words.spacy_words import WordSplitter
from tests.curate.web_like import documents

_PARTS = [
    *[
        "$x^2$",
        "$$",
        "$",
        "$\\PageIndex{3}$",
        "$$\\PageIndex{a}$$",
        "\\frac{a}{b}",
        "\\begin{align}",
        "\\alpha",
        "\\(",
        "\\[",
        "\\\\",
        "<math>",
        "<MathML",
        "<mathx",
    ],
    *["∑", "≤", "→", "+", "±", "Theorem", "lemma.", "PROOF", "integral", "proofs", "é", "Ü", "ô", "word", "\n", " ", " "],
]


def texts() -> list[str]:
    rng = random.Random(13)
    return ["", *("".join(rng.choice(_PARTS) + rng.choice(["", " "]) for _ in range(rng.randint(0, 20))) for _ in range(400)), *documents(30, seed=14)]


def slow_maths(text: str) -> dict[str, float]:
    without_numbers = re.sub(r"\$\\PageIndex\{[^\}]*\}\$", "", re.sub(r"\$\$\\PageIndex\{[^\}]*\}\$\$", "", text))
    words = {word.lower() for word in re.findall(r"[A-Za-z]+", text)}
    return {
        "n_latex_formulas": len(re.findall(r"\$\$[^\$]*\$\$|\$[^\$]*\$", without_numbers)),
        "n_latex_commands": len(re.findall(r"\\[a-zA-Z]+", text)),
        "n_latex_environments": text.count("\\begin{"),
        "n_latex_brackets": text.count("\\(") + text.count("\\["),
        "n_mathml": len(re.findall(r"<math\b", text.lower())),
        "n_math_symbols": sum(unicodedata.category(char) == "Sm" and ord(char) > 127 for char in text),
        "n_math_words": len(words & set(MATH_WORDS)),
        "accented_char_ratio": sum(char in "üïöêäâîûôèéà" for char in text.lower()) / len(text) if text else float("nan"),
    }


def measured(chosen: list[str]) -> pl.DataFrame:
    return pl.DataFrame(measure(pa.array(chosen, pa.large_string()), WordSplitter(), ["sizes", "gopher_quality", "maths"]))


def test_signals_of_mathematics_are_what_their_definitions_say():
    # Words are spaCy's, so the slow reading only tells the same where words stand alone.
    alone = [re.sub(r"(?<=[A-Za-zéÜô])(?=[^A-Za-zéÜô])|(?<=[^A-Za-zéÜô\\<])(?=[A-Za-zéÜô])", " ", text) for text in texts()]
    found = measured(alone)
    expected = pl.DataFrame([slow_maths(text) for text in alone], infer_schema_length=None)
    for name in expected.columns:
        for text, mine, theirs in zip(alone, found[name].to_list(), expected[name].to_list(), strict=True):
            if name != "n_math_words" or not re.search(r"[\\<éÜô'’./:-]", text):
                assert mine == theirs or (mine != mine and theirs != theirs), (name, text)
