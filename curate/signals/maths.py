"""Signals of mathematical text: formulas, symbols and typical words."""

from typing import Any

import numpy as np

from curate.kernels.hashing import BASE, hash_set, set_slot, text_hash
from curate.kernels.kernel import kernel
from curate.signals.block import Block
from curate.signals.text_column import count, text_column

MATH_WORDS = (
    *("theorem", "theorems", "lemma", "lemmas", "corollary", "proposition", "conjecture", "axiom", "proof", "prove", "proves", "proved", "proven"),
    *("equation", "equations", "inequality", "integral", "integrals", "derivative", "derivatives", "differentiable", "polynomial", "polynomials"),
    *("matrix", "matrices", "eigenvalue", "eigenvalues", "eigenvector", "determinant", "vector", "vectors", "scalar", "tensor", "manifold", "topology"),
    *("bijective", "injective", "surjective", "homomorphism", "isomorphism", "integer", "integers", "modulo", "prime", "primes", "divisor", "rational"),
    *("logarithm", "exponential", "trigonometric", "sine", "cosine", "tangent", "hypotenuse", "triangle", "polygon", "perpendicular", "algebra"),
    *("calculus", "geometry", "arithmetic", "combinatorics", "permutation", "permutations", "probability", "variance", "covariance", "expectation"),
    *("convergent", "converges", "divergent", "bounded", "continuous", "denominator", "numerator", "fraction", "quadratic", "cubic", "coefficient"),
    *("coefficients", "subset", "subsets", "cardinality", "finite", "infinite", "infinity", "asymptotic", "recursion", "induction", "contradiction"),
)
"""Our own list: words that are frequent in mathematics and rare elsewhere."""

_PAGE_INDEX = r"\$\$\\PageIndex\{[^\}]*\}\$\$|\$\\PageIndex\{[^\}]*\}\$"
_FORMULA = r"\$\$[^\$]*\$\$|\$[^\$]*\$"
_SYMBOL = r"[\p{Sm}&&[^\x00-\x7f]]"
_ONE = np.uint64(1)


def formulas(block: Block) -> dict[str, np.ndarray]:
    r"""Counts of mathematical notation.

    - `n_latex_formulas`: stretches between `$` or `$$` without a `$` inside, without page numbers of LibreTexts, as OpenWebMath counts them.
    - `n_latex_commands`: a backslash followed by letters; 0 for a text without a backslash.
    - `n_latex_environments`: `\begin{`.
    - `n_latex_brackets`: `\(` and `\[`.
    - `n_mathml`: `<math`.
    - `n_math_symbols`: mathematical symbols (Unicode Sm) beyond ASCII.
    """
    texts = text_column(block)
    return {
        "n_latex_formulas": count(texts.str.replace_all(_PAGE_INDEX, ""), _FORMULA),
        "n_latex_commands": count(texts, r"\\[a-zA-Z]+"),
        "n_latex_environments": count(texts, r"\\begin\{"),
        "n_latex_brackets": count(texts, r"\\[\(\[]"),
        "n_mathml": count(texts, r"(?i-u:<math\b)"),
        "n_math_symbols": count(texts, _SYMBOL),
    }


def maths_words(block: Block) -> dict[str, np.ndarray]:
    """Words of mathematics, and letters of other languages.

    - `n_math_words`: distinct words of MATH_WORDS, in any case.
    - `accented_char_ratio`: share of characters that are one of `ü ï ö ê ä â î û ô è é à` in any case, by which OpenWebMath finds text that is not English; NaN
      for an empty text.
    """
    slots = hash_set([text_hash(word) for word in MATH_WORDS])
    n_math_words = np.zeros(block.n_docs, np.int64)
    words = block.words
    _count_words(block.utf8, words.doc_offsets, words.starts, words.ends, slots, np.full(len(slots), -1, np.int64), n_math_words)
    accented = count(text_column(block), "(?i)[üïöêäâîûôèéà]")
    with np.errstate(invalid="ignore"):
        return {"n_math_words": n_math_words, "accented_char_ratio": accented / block.n_chars}


@kernel
def _count_words(utf8: Any, doc_offsets: Any, starts: Any, ends: Any, slots: Any, seen: Any, n_found: Any) -> None:
    """Count distinct words per document. `seen`: by slot of a word, the last document that has it."""
    for doc in range(len(doc_offsets) - 1):
        for word in range(doc_offsets[doc], doc_offsets[doc + 1]):
            hashed = np.uint64(0)
            for i in range(starts[word], ends[word]):
                byte = utf8[i] | 0x20 if 65 <= utf8[i] <= 90 else utf8[i]
                hashed = hashed * BASE + (np.uint64(byte) + _ONE)
            slot = set_slot(slots, hashed)
            if slot >= 0 and seen[slot] != doc:
                seen[slot] = doc
                n_found[doc] += 1
