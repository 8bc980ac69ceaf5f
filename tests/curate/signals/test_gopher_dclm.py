import math
import random
import re
from collections import Counter
from collections.abc import Callable
from statistics import median

import polars as pl
import pyarrow as pa
import pytest
from fasttext.FastText import tokenize as fasttext_words
from uniseg.wordbreak import words as uniseg_words

from curate.kernels.buffers import frozen, text_buffers
from curate.rules.decide import decide, load_rules
from curate.signals.measure import GOPHER_STOP_WORDS, measure
from curate.words.spaced import spaced_words
from curate.words.spacy_words import WordSplitter
from curate.words.split import Words
from curate.words.unicode import unicode_words
from tests.curate.web_like import documents

_BOUNDARY_CHARS = list("ab1.,:'\"_-  \t\r\nאב日カタ가ا\u0301\u200d\u00ad👩❤🇩🇪\u2019·\u3000\u00a0٣é;‿\ufe0f\U000e0101ำ्ᄀ")
_EXTRA = [
    "",
    " ",
    "\n",
    "one",
    "- * -\n* x…\n\n\n● y. . .\n• z...\n-",
    ". . . . . ....... #…",
    "\0the\0The THE\u2028with\u3000of 1a ¡a",
    "a b\n\na b\n\n \n\na  b\n",
    "x\n\n\ny\n\n",
]


def texts() -> list[str]:
    rng = random.Random(5)
    repetitive = [" ".join(rng.choices(["the", "of", "mill", "a", "be,", "…"], k=rng.randint(1, 60))) for _ in range(60)]
    return [*_EXTRA, *repetitive, *documents(120, seed=6)]


def share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def copied(parts: list[str]) -> list[str]:
    counts = Counter(parts)
    return [part for part in parts if counts[part] > 1]


def chars(parts) -> int:
    return sum(map(len, parts))


def runs(words: list[str], n: int) -> list[tuple[str, ...]]:
    return list(zip(*(words[k:] for k in range(n)), strict=False))


def slow_dolma(text: str) -> dict[str, float]:
    words, lines = text.split(), text.split("\n") if text else []
    found = {
        "n_words": len(words),
        "median_word_chars": median(map(len, words)) if words else 0,
        "symbol_word_ratio": sum("#" in word or "…" in word for word in words) / max(len(words), 1),
        "alpha_word_ratio": sum(any(map(str.isalpha, word)) for word in words) / max(len(words), 1),
        "n_stop_words": sum(word in GOPHER_STOP_WORDS for word in words),
        "bullet_line_ratio": sum(line.startswith(("*", "-")) for line in lines) / max(len(lines), 1),
        "ellipsis_line_ratio": sum(line.endswith("…") for line in lines) / max(len(lines), 1),
        "dup_line_frac": len(copied(lines)) / max(len(lines), 1),
        "dup_line_char_frac": chars(copied(lines)) / max(chars(words), 1),
    }
    for n in (2, 3, 4):
        (run, count), *_ = [*Counter(runs(words, n)).most_common(1), ((), 0)]
        found[f"top_{n}_gram_char_frac"] = share(count * chars(run), chars(words))
    for n in range(5, 11):
        found[f"dup_{n}_gram_char_frac"] = share(sum(chars(run) for run in copied(runs(words, n))), sum(chars(run) for run in runs(words, n)))
    return {f"dolma_{name}": value for name, value in found.items()}


def slow_dclm(text: str) -> dict[str, float]:
    words, lines, paragraphs = text.split(), *([part.strip() for part in text.split(mark) if part.strip()] for mark in ("\n", "\n\n"))
    segments = [word for word in uniseg_words(text) if word[0].isalnum()]
    found = {
        "n_words": sum(word[0].isalnum() for word in fasttext_words(text)),
        "mean_word_chars": share(chars(words), len(words)),
        "symbol_word_ratio": sum(map(text.count, ("#", "...", ". . .", "…"))) / len(words) if words else math.inf if re.search("[#…]", text) else float("nan"),
        "non_alpha_word_ratio": share(sum(not any(map(str.isalpha, word)) for word in words), len(words)),
        "n_stop_words": sum(word.lower() in GOPHER_STOP_WORDS for word in words),
        "bullet_line_ratio": share(sum(line.startswith(("●", "•", "*", "-")) for line in lines), len(lines)),
        "ellipsis_line_ratio": share(sum(line.endswith(("...", ". . .", "…")) for line in lines), len(lines)),
        "dup_line_frac": share(len(copied(lines)), len(lines)),
        "dup_para_frac": share(len(copied(paragraphs)), len(paragraphs)),
        "dup_line_char_frac": share(chars(copied(lines)), chars(lines)),
        "dup_para_char_frac": share(chars(copied(paragraphs)), chars(paragraphs)),
    }
    for n in (2, 3, 4):
        counts = Counter(runs(segments, n))
        most = max(counts.values(), default=1)
        longest = max((chars(run) for run, count in counts.items() if count == most), default=0) if most > 1 else 0
        found[f"top_{n}_gram_char_frac"] = share(most * longest, chars(segments))
    for n in range(5, 11):
        counts = Counter(runs(segments, n))
        covered = {k + word for k, run in enumerate(runs(segments, n)) if counts[run] > 1 for word in range(n)}
        found[f"dup_{n}_gram_char_frac"] = share(sum(len(segments[k]) for k in covered), chars(segments))
    return {f"dclm_{name}": value for name, value in found.items()}


@pytest.mark.parametrize(("group", "slow"), [("dolma", slow_dolma), ("dclm", slow_dclm)])
def test_signals_are_what_the_projects_definitions_say(group: str, slow: Callable[[str], dict[str, float]]):
    measured = measure(pa.array(texts(), pa.large_string()), WordSplitter(), [group]).to_pylist()
    for text, row in zip(texts(), measured, strict=True):
        assert row == pytest.approx(slow(text), rel=0, abs=0, nan_ok=True), text


def as_lists(words: Words, utf8) -> list[list[str]]:
    data = utf8.tobytes()
    spans = [data[start:end].decode() for start, end in zip(words.starts, words.ends, strict=True)]
    assert [len(span) for span in spans] == words.n_chars.tolist()
    return [spans[start:end] for start, end in zip(words.doc_offsets[:-1], words.doc_offsets[1:], strict=True)]


def test_words_are_those_of_unicodes_word_boundaries_and_of_str_split():
    rng = random.Random(7)
    parts = ["".join(rng.choices(_BOUNDARY_CHARS, k=rng.randint(0, 12))) for _ in range(3000)]
    utf8, offsets = (frozen(array) for array in text_buffers(pa.array(parts, pa.large_string())))
    assert as_lists(unicode_words(utf8, offsets), utf8) == [[word for word in uniseg_words(text) if word[0].isalnum()] for text in parts]
    assert as_lists(spaced_words(utf8, offsets), utf8) == [text.split() for text in parts]


def reasons(text: str, name: str) -> set[str]:
    rules = load_rules(name)
    signals = pl.DataFrame(measure(pa.array([text], pa.large_string()), WordSplitter(), ["dolma", "dclm"]))
    return set(decide(signals, rules)["rule"].str.strip_prefix(f"{name}/"))


SENTENCE = "The {} of that mill and the board with a stone have to be found near a small river of {}."
PLAIN = [SENTENCE.format(f"{a}er{b}ing", f"{b}{a}ton") for a in ("ba", "ke", "lo", "mi") for b in ("sta", "vo", "nu")]


def test_the_dialects_differ_where_their_definitions_do():
    spaced = "\n\n".join(PLAIN)
    assert "dup_line_frac" in reasons(spaced, "gopher_dolma")
    assert "dup_line_frac" not in reasons(spaced, "gopher_dclm")
    dots = "\n".join(line[:-1] + "..." for line in PLAIN)
    assert "ellipsis_lines" not in reasons(dots, "gopher_dolma")
    assert "ellipsis_lines" in reasons(dots, "gopher_dclm")
    shouted = "\n".join(PLAIN).upper()
    assert "stop_words" in reasons(shouted, "gopher_dolma")
    assert "stop_words" not in reasons(shouted, "gopher_dclm")
