from collections import Counter

from datatrove.utils.text import split_into_words

from tests.curate.signals.web_signals import check_definitions


def slow_run_signals(text: str) -> dict[str, float]:
    words, found = split_into_words(text), {}
    for n in (2, 3, 4):
        top = Counter(" ".join(words[i : i + n]) for i in range(len(words) - n + 1)).most_common(1)
        found[f"top_{n}_gram_char_frac"] = len(top[0][0]) * top[0][1] / len(text) if top else 0
    for n in range(5, 11):
        i, seen, n_chars = 0, set(), 0
        while i <= len(words) - n:
            run = "".join(words[i : i + n])
            n_chars, i = (n_chars + len(run), i + n) if run in seen else (n_chars, i + 1)
            seen.add(run)
        found[f"dup_{n}_gram_char_frac"] = n_chars / len(text)
    return found


def test_signals_are_what_their_definitions_say():
    check_definitions(slow_run_signals)
