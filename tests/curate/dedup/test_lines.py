import random

import numpy as np
import pyarrow as pa
import pytest

from curate.dedup.lines import NO_KEY, LineTable, cut_lines, measure_lines, window_keys
from curate.dedup.occurrences import surplus_occurrences
from curate.kernels.buffers import text_buffers
from curate.rewrite.cuts import cut_texts
from curate.words.simplify import simplify
from curate.words.spacy_words import WordSplitter

SPLITTER = WordSplitter()


def measured(texts: list[str], scope: str = "line") -> LineTable:
    utf8, offsets = text_buffers(pa.array(texts, pa.large_string()))
    return measure_lines(utf8, offsets, SPLITTER.split(utf8, offsets).starts, scope)  # type: ignore[arg-type]


def without_repeated(texts: list[str], scope: str = "line", window: int = 1, copies: int = 1, min_chars: int = 1) -> tuple[list[str], list[int]]:
    """Texts without repeated lines, and the words left."""
    lines = measured(texts, scope)
    keys = window_keys(lines, window, min_chars, np.ones(len(texts), bool))
    surplus = surplus_occurrences(lambda: [keys], copies, ignored=NO_KEY).surplus
    cuts = cut_lines(lines, surplus, window, np.array([len(text.encode()) for text in texts]))
    ranges = np.stack(cuts[:3], axis=1)
    return cut_texts(pa.array(texts, pa.large_string()), ranges).to_pylist(), cuts.words_left.tolist()


def simplified(line: str) -> str:
    utf8, offsets = simplify(np.frombuffer(line.encode(), np.uint8), np.array([0, len(line.encode())]))
    return utf8[: offsets[1]].tobytes().decode()


def slow(texts: list[str], window: int, copies: int, min_chars: int) -> list[list[str]]:
    seen: dict[tuple[str, ...], int] = {}
    left = []
    for text in texts:
        lines = [line for line in text.split("\n") if line]
        cut: set[int] = set()
        for i in range(len(lines) - window + 1):
            key = tuple(simplified(line) for line in lines[i : i + window])
            if sum(map(len, key)) >= min_chars:
                if seen.get(key, 0) >= copies:
                    cut.update(range(i, i + window))
                seen[key] = seen.get(key, 0) + 1
        left.append([line for i, line in enumerate(lines) if i not in cut])
    return left


@pytest.mark.parametrize(("window", "copies", "min_chars"), [(1, 1, 1), (1, 2, 6), (3, 1, 1), (2, 2, 12)])
def test_repeated_lines_go_as_in_a_plain_reading(window: int, copies: int, min_chars: int) -> None:
    draw = random.Random(window)
    pool = ["Home", "Read more…", "Überschrift 3", "价格：100元", "uberschrift 44!", "The end.", "- - -", "About us", "Ἀρχή ἥμισυ"]
    texts = ["\n".join(draw.choice(pool) + draw.choice(["", "", "\n"]) for _ in range(draw.randint(0, 8))) for _ in range(60)]
    found, words = without_repeated(texts, "line", window, copies, min_chars)
    expected = slow(texts, window, copies, min_chars)
    assert [[line for line in text.split("\n") if line] for text in found] == expected
    assert words == [len(SPLITTER.split(*text_buffers(pa.array([text], pa.large_string()))).starts) for text in found]


def test_lines_that_differ_in_case_numbers_punctuation_or_accents_are_the_same() -> None:
    texts = ["Page 12 of 40\nalpha", "page 7 of 9!\nbeta", "Pagé 1 of 1\ngamma"]
    assert without_repeated(texts)[0] == ["Page 12 of 40\nalpha", "beta", "gamma"]


def test_the_line_break_goes_with_the_line_so_that_no_hole_is_left() -> None:
    texts = ["menu\n", "one\nmenu\ntwo", "menu\nthree\n", "four\n\nmenu", "menu", "five"]
    assert without_repeated(texts)[0] == ["menu\n", "one\ntwo", "three\n", "four", "", "five"]


def test_paragraphs_are_compared_whole() -> None:
    texts = ["intro\nmore\n\nbody", "intro\n\nother", "intro\nmore\n\nend"]
    assert without_repeated(texts, "paragraph")[0] == ["intro\nmore\n\nbody", "intro\n\nother", "end"]


def test_dropped_documents_have_no_copies() -> None:
    lines = measured(["same line", "same line"])
    assert window_keys(lines, 1, 1, np.array([False, True])).tolist() == [NO_KEY, lines.keys[1]]
