import random
import re
from collections import Counter
from functools import cache

import polars as pl
import pyarrow as pa
import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION, split_into_words

from curate.kernels.characters import SYMBOL, TERMINAL, character_table
from curate.rules.decide import decide, first_reason, load_rules
from curate.signals import measure as measure_module
from curate.signals.groups import signal_names
from curate.signals.measure import measure
from curate.words.spacy_words import WordSplitter
from tests.curate.web_like import documents

RULE_SETS = ("gopher_repetition", "gopher_quality", "fineweb")


@cache
def splitter() -> WordSplitter:
    return WordSplitter()


def signals(texts: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame(measure(pa.array(texts, pa.large_string()), splitter()))


def our_reasons(texts: list[str]) -> list[str | None]:
    measured = signals(texts)
    verdicts = pl.concat([decide(measured, load_rules(name)) for name in RULE_SETS]).sort("row", maintain_order=True)
    return first_reason(verdicts, len(texts)).to_list()


def datatrove_reason(text: str) -> str | None:
    for name, one in zip(RULE_SETS, (GopherRepetitionFilter(), GopherQualityFilter(), FineWebQualityFilter()), strict=True):
        verdict = one.filter(Document(text=text, id=""))
        if verdict is not True:
            return f"{name}/{verdict[1]}"
    return None


def repeats(parts: list[str]) -> list[str]:
    return [part for place, part in enumerate(parts) if part in parts[:place]]


def chars(parts: list[str]) -> int:
    return sum(map(len, parts))


def slow_word_signals(text: str) -> dict[str, float]:
    words = split_into_words(text)
    filled = [word for word in words if any(char not in PUNCTUATION_SET for char in word)]
    stop_words = {"the", "be", "to", "of", "and", "that", "have", "with"}
    return {
        "n_words": len(words),
        "n_non_symbol_words": len(filled),
        "mean_word_chars": chars(filled) / len(filled) if filled else float("nan"),
        "alpha_word_ratio": sum(any(map(str.isalpha, word)) for word in words) / len(words) if words else float("nan"),
        "n_stop_words": len(stop_words & set(words)),
    }


def slow_layout_signals(text: str) -> dict[str, float]:
    lines, paragraphs = re.split("\n+", text), re.split("\n{2,}", text.strip())
    split, shown = text.splitlines(), [line for line in text.split("\n") if line.strip()]
    return {
        "n_bytes": len(text.encode()),
        "n_chars": len(text),
        "n_newlines": text.count("\n"),
        "n_hashes": text.count("#"),
        "n_ellipses": text.count("...") + text.count("…"),
        "bullet_line_ratio": sum(line.lstrip().startswith(("•", "-")) for line in split) / len(split),
        "ellipsis_line_ratio": sum(line.rstrip().endswith(("...", "…")) for line in split) / len(split),
        "dup_line_frac": len(repeats(lines)) / len(lines),
        "dup_para_frac": len(repeats(paragraphs)) / len(paragraphs),
        "dup_line_char_frac": chars(repeats(lines)) / len(text),
        "dup_para_char_frac": chars(repeats(paragraphs)) / len(text),
        "n_lines": len(shown),
        "line_punct_ratio": sum(line[-1] in TERMINAL_PUNCTUATION for line in shown) / len(shown) if shown else float("nan"),
        "short_line_ratio": sum(len(line) <= 30 for line in shown) / len(shown) if shown else float("nan"),
    }


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


@pytest.mark.parametrize("slow", [slow_word_signals, slow_layout_signals, slow_run_signals])
def test_signals_are_what_their_definitions_say(slow):
    texts = [text for text in documents(250, seed=7) if text]
    measured = signals(texts)
    expected = pl.DataFrame([slow(text) for text in texts], schema_overrides={"mean_word_chars": pl.Float64})
    for name in expected.columns:
        assert measured[name].cast(pl.Float64).to_list() == pytest.approx(expected[name].cast(pl.Float64).to_list(), rel=0, abs=0, nan_ok=True), name


def test_repeated_characters_of_fineweb_leave_out_blank_lines_and_newlines():
    measured = signals(["same\nsame\n \n \nother", "a\nb"])
    assert measured["char_dup_ratio"].to_list() == [4 / 15, 0]


def test_verdict_and_reason_are_datatroves_on_made_up_documents():
    texts = [text for text in documents(400, seed=8) if text]
    ours, theirs = our_reasons(texts), [datatrove_reason(text) for text in texts]
    assert ours == theirs
    assert len(set(theirs)) > 8


def made_up(n: int, rng: random.Random) -> list[str]:
    return ["".join(rng.choices(["ba", "ke", "lo", "mi", "nu", "sta", "ter", "vo"], k=3)) for _ in range(n)]


def sentence(rng: random.Random) -> str:
    first, *rest = made_up(9, rng)
    return f"The {first} of {' '.join(rest[:4])} have to {' '.join(rest[4:])}."


LONG = [sentence(random.Random(number)) for number in range(40)]
NEW = made_up(200, random.Random(1))


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (None, "\n".join(LONG)),
        ("gopher_repetition/dup_para_frac", "\n\n".join([*LONG[:8], *["Read more."] * 5])),
        ("gopher_repetition/dup_para_char_frac", "\n\n".join([*LONG[:10], *[LONG[0]] * 3])),
        ("gopher_repetition/dup_line_frac", "\n".join([*LONG[:8], *["Read more."] * 5])),
        ("gopher_repetition/dup_line_char_frac", "\n".join([*LONG[:10], *[LONG[0]] * 3])),
        ("gopher_repetition/top_2_gram", "go home " * 30 + " ".join(NEW[:60])),
        ("gopher_repetition/duplicated_5_n_grams", " ".join([*LONG[:3], *NEW[:20], *LONG[3:6], *NEW[:20]])),
        ("gopher_quality/gopher_short_doc", " ".join(NEW[:40])),
        ("gopher_quality/gopher_below_avg_threshold", " ".join(word[:2] for word in made_up(60, random.Random(2)))),
        ("gopher_quality/gopher_above_avg_threshold", " ".join(word * 2 for word in NEW)),
        ("gopher_quality/gopher_too_many_hashes", "#".join(LONG).replace(" ", " #", 200)),
        ("gopher_quality/gopher_too_many_ellipsis", " ".join(LONG).replace(" ", "... ", 200)),
        ("gopher_quality/gopher_too_many_bullets", "\n".join(f"  - {line}" for line in LONG)),
        ("gopher_quality/gopher_too_many_end_ellipsis", "\n".join(line[:-1] + "… " for line in LONG)),
        ("gopher_quality/gopher_below_alpha_threshold", " ".join(f"{word} {number}{number}" for number, word in enumerate(NEW))),
        ("gopher_quality/gopher_enough_stop_words", "\n".join(LONG).replace(" of ", " ").replace(" have to ", " ")),
        ("fineweb/line_punct_ratio", "\n".join(line[:-1] for line in LONG)),
        ("fineweb/short_line_ratio", "\n".join([f"{' '.join(NEW[n : n + 4])}."[-30:] for n in range(0, 180, 4)] + LONG[:2])),
        ("fineweb/char_dup_ratio", "\n".join([*LONG[:20], LONG[3]])),
        ("fineweb/list_ratio", "\n\n\n\n\n\n\n".join(LONG)),
    ],
)
def test_each_reason_is_given_where_datatrove_gives_it(reason: str | None, text: str):
    assert datatrove_reason(text) == reason
    assert our_reasons([text]) == [reason]


def test_the_punctuation_table_is_datatroves():
    table = character_table()
    assert {chr(code) for code in (table & SYMBOL).nonzero()[0]} == PUNCTUATION_SET
    assert {chr(code) for code in (table & TERMINAL).nonzero()[0]} == TERMINAL_PUNCTUATION


def test_an_empty_text_has_zero_counts_and_no_ratios():
    (row,) = signals([None]).rows(named=True)
    assert row["n_words"] == row["n_chars"] == row["n_lines"] == 0
    assert [name for name, value in row.items() if name.endswith("ratio") and value == value] == []
    assert our_reasons([""]) == ["gopher_quality/gopher_short_doc"]


def test_no_texts_give_all_columns_and_no_rows():
    measured = signals([])
    assert measured.height == 0
    assert measured.columns == signal_names()
    assert measured.schema == signals(["some text"]).schema


def test_a_document_is_measured_the_same_alone_sliced_and_among_others(monkeypatch: pytest.MonkeyPatch):
    texts = documents(40, seed=9)
    together = signals(texts)
    assert together.equals(pl.concat([signals([text]) for text in texts]), null_equal=True)
    sliced = measure(pa.array(["", *texts, "more"], pa.string()).slice(1, len(texts)), splitter())
    assert pl.DataFrame(sliced).equals(together)
    monkeypatch.setattr(measure_module, "BLOCK_BYTES", 300)
    assert signals(texts).equals(together)


def test_stop_words_can_be_another_languages():
    measured = measure(pa.array(["der Hund und die Katze und Der Rest"]), splitter(), stop_words=["der", "und", "nicht"])
    assert measured["n_stop_words"].to_pylist() == [2]
