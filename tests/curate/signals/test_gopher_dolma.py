from collections import Counter
from statistics import median

from curate.signals.measure import GOPHER_STOP_WORDS
from tests.curate.signals.dialects import chars, check_dialect, copied, runs, share


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


def test_signals_are_what_the_projects_definitions_say():
    check_dialect("dolma", slow_dolma)
