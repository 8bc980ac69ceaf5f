import math
import re
from collections import Counter

from fasttext.FastText import tokenize as fasttext_words
from uniseg.wordbreak import words as uniseg_words

from curate.signals.measure import GOPHER_STOP_WORDS
from tests.curate.signals.dialects import chars, check_dialect, copied, runs, share


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


def test_signals_are_what_the_projects_definitions_say():
    check_dialect("dclm", slow_dclm)
