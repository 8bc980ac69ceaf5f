"""Prose of random words, and copies of it in which words are replaced."""

import numpy as np

WORDS = [a + b + c for a in ("ba", "de", "fi", "go", "lu", "ma") for b in ("ra", "ne", "ti", "so") for c in ("l", "n", "r", "st", "m")]


def prose(random: np.random.Generator, n_words: int) -> str:
    return " ".join(random.choice(WORDS, n_words))


def edited(random: np.random.Generator, text: str, share: float) -> str:
    """The text with `share` of its words, at least one, replaced by words that it doesn't have."""
    words = text.split()
    for at in random.choice(len(words), max(1, round(share * len(words))), replace=False):
        words[at] = f"edit{'abcdefghij'[random.integers(10)]}{'klmnopqrst'[random.integers(10)]}"
    return " ".join(words)
