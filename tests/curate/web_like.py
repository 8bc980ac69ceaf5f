"""Made-up documents with everything in them that the signals and word rules look at."""

import random

WORDS = ["the", "of", "and", "to", "that", "with", "have", "be", "a", "river", "board", "market", "small", "letter", "stone", "water", "people"]
ODD = [
    "don't", "it's", "He'll", "cannot", "gonna", "U.S.", "Mr.", "e.g.", "a.m.", "well-known", "state-of-the-art", "x--y", "and/or", "3.5", "1,000",
    "10%", "$40", "US$5", "30km", "5m²", "12:30", "20°C.", "(note)", '"quoted"', "“curly”", "‘one’", "rock’n’roll", "John's", "wait...", "so…",
    "https://example.org/a-b?c=d", "www.foo-bar.co.uk", "me@mail-host.com", "192.168.0.1", "C++", "#tag", "@you", "•", "-", "—", "–", "...", "…",
    ":)", ":-(", "x:)", "<3", "^_^", "für", "Straße", "élan", "наш", "дом.", "日本語", "ไทย", "naïve-ish", "!?", "?!.", "''", "``", "(a.)", "x-a.",
    "'s", "it's,", "no.Then",
]  # fmt: skip
SPACES = [" "] * 30 + ["  ", "\t", "\xa0", "\u3000", " \u2009"]
BREAKS = ["\n"] * 8 + ["\n\n", "\n\n\n", "\r\n", "\v", "\x0c", "\x1e", "\x85", "\u2028", " \n \n"]
ENDS = [".", "!", "?", "。", "।", "...", "…", ",", ""]


def document(rng: random.Random) -> str:
    """One document; how plain, how broken into lines, how repetitive and how long it is differs from one to the next."""
    odd, n_lines, copies = rng.choice([0, 0.1, 0.4]), rng.choice([0, 1, 5, 20]), rng.choice([0, 0.1, 0.5])
    start, end = rng.choice(["", "", "- ", " • ", "# "]), rng.choice([*ENDS, "", None])
    lines: list[str] = []
    for _ in range(n_lines):
        if lines and rng.random() < copies:
            lines.append(rng.choice(lines))
        else:
            lines.append(start + _sentence(rng, odd) + (rng.choice(ENDS) if end is None else end))
    body = "".join(line + rng.choice(BREAKS) for line in lines)
    return rng.choice(["", "", "\n", " "]) + body.rstrip("\n") + rng.choice(["", "\n", " \n\n"])


def _sentence(rng: random.Random, odd: float) -> str:
    words = [rng.choice(ODD) if rng.random() < odd else rng.choice(WORDS) for _ in range(rng.choice([1, 4, 12, 40]))]
    if rng.random() < 0.1:
        words += words[-6:] * 3
    return "".join(word + rng.choice(SPACES) for word in words).strip(" ")


def documents(n: int, seed: int = 0) -> list[str]:
    """`n` documents, the same for the same seed."""
    rng = random.Random(seed)
    return [document(rng) for _ in range(n)]
