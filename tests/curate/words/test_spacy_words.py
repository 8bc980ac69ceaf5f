import random
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import CurateError
from curate.kernels.buffers import text_buffers
from curate.words import spacy_words as words_module
from curate.words.choice import load_splitter
from curate.words.spacy_words import WordSplitter
from curate.words.split import LONGEST_ASKED, LONGEST_CHUNK
from tests.curate.web_like import ODD, documents
from tests.curate.words.reading import by_spacy, split, splitter, tokenizer

RUNS = (
    *"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~…—’“·×°²₀é日ア\u0301\u200d\u00ad😀",
    *(
        "👨\u200d👩\u200d👧\u200d👦",
        "🇩🇪",
        "1\ufe0f\u20e3",
        "👍🏽",
        "❤\ufe0f",
        "a\u0301\u0316",
        "!?",
        "()",
        "((",
        "''a",
        "..a",
        ".a",
        "a.",
        "A.",
        "1.",
        "1,",
        "1-",
        "a-",
        "a'",
    ),
    *("a,", "a/", "a@", "@a.", "a@b.cc/", "http://", "www.", ":a@", ":)", "x:)", "a.m.", "don't", "$1", "1km", "US$", "°C.", "=a", "abc!", "!abc", "٣.", "ᄀ"),
)


MARKS = "abzABZsSmk09 .,;:!?'\"’‘“”()[]{}<>-–—~/\\=+*^#$%&@_|°…•²é日ж€"


def test_words_are_those_of_spacy():
    texts = documents(300, seed=2)
    assert split(texts) == [by_spacy(text) for text in texts]


def test_chunks_of_random_marks_split_as_spacy_splits_them():
    rng = random.Random(3)
    texts = ["".join(rng.choices([*MARKS, *" \n"], k=rng.randint(1, 120))) for _ in range(800)]
    assert split(texts) == [by_spacy(text) for text in texts]


@pytest.mark.parametrize(
    "text", ["x:) )", "x:)", "said.'' ''Then", "one ''two'' ''three'' ''four'' end", "x:)  )", "x:)\n)", "a-a. m. x-a. m", " x:) )", "(x:) :) )y"]
)
def test_marks_that_could_join_over_a_space_do_as_in_spacy(text: str):
    assert split([text, f"one two {text} three", f"so.\n{text}\nend"]) == [by_spacy(text), by_spacy(f"one two {text} three"), by_spacy(f"so.\n{text}\nend")]


def test_every_exception_of_spacy_splits_as_spacy_splits_it_alone_and_among_marks():
    exceptions = [text for text in tokenizer().rules if text.strip()]
    text = " ".join(shape.format(text) for text in exceptions for shape in ("{0}", "({0}", "{0}.", '"{0},"', "x-{0}", "{0}{0}"))
    assert split([text]) == [by_spacy(text)]


def test_exceptions_glued_to_each_other_and_to_marks_split_as_spacy_splits_them():
    rng, exceptions = random.Random(9), [text for text in tokenizer().rules if text.strip()]
    emoticons = [text for text in exceptions if tokenizer().find_prefix(text) or tokenizer().find_suffix(text)]
    pieces = [lambda: rng.choice(emoticons), lambda: rng.choice(emoticons), lambda: rng.choice(exceptions), lambda: rng.choice(MARKS.strip()), lambda: "foo"]
    chunks = ["".join(rng.choice(pieces)() for _ in range(rng.randint(1, 6))) for _ in range(4000)]
    texts = [" ".join(chunks[first : first + 4]) for first in range(0, len(chunks), 4)]
    assert split(texts) == [by_spacy(text) for text in texts]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.one_of(st.text(min_size=1, max_size=12), st.sampled_from(ODD), st.tuples(st.sampled_from(ODD), st.sampled_from(ODD)).map("".join))))
def test_any_text_splits_as_spacy_splits_it(pieces: list[str]):
    text = " ".join(pieces).encode("utf-8", "ignore").decode()
    assert split([text]) == [by_spacy(text)]


@pytest.mark.parametrize("language", ["de", "fr", "xx", "tr", "ru", "sv"])
def test_other_languages_split_as_their_spacy_tokenizer_does(language: str):
    texts = [*documents(40, seed=4), "L'été, c'est-à-dire z.B. 3km aujourd'hui 5'te Ankara'da т.е. нас-то bzw. ca. 12.5.2019 d.v.s. Straßen"]
    assert split(texts, f"spacy:{language}") == [by_spacy(text, language) for text in texts]


def test_results_do_not_depend_on_what_was_split_before_or_on_block_size(monkeypatch: pytest.MonkeyPatch):
    texts = documents(60, seed=5)
    expected = split(texts)
    monkeypatch.setattr(words_module, "BLOCK_BYTES", 500)
    monkeypatch.setattr(words_module, "N_ENTRIES", 600)
    monkeypatch.setattr(words_module, "N_TEXT_BYTES", 4000)
    small = WordSplitter("spacy:de")
    utf8, offsets = text_buffers(pa.array(texts))
    twice = [small.split(utf8, offsets) for _ in range(2)]
    assert all(np.array_equal(one, other) for one, other in zip(*twice, strict=True))
    assert split(texts) == expected


def test_slices_nulls_chunks_and_both_string_types_read_as_their_texts():
    texts = ["one two", None, "", "three, four", "five"]
    expected = [["one", "two"], [], [], ["three", ",", "four"], ["five"]]
    for array in (pa.array(texts), pa.array(texts, pa.large_string()), pa.chunked_array([texts[:2], texts[2:]])):
        words = splitter().split(*text_buffers(array))
        assert np.diff(words.doc_offsets).tolist() == [len(words) for words in expected]
    utf8, offsets = text_buffers(pa.array(texts).slice(3, 1))
    assert utf8[offsets[0] : offsets[1]].tobytes() == b"three, four"
    assert len(splitter().split(utf8, offsets).starts) == 3


def test_no_documents_and_empty_documents_have_no_words():
    assert split([]) == []
    assert split(["", " \n\t", "\u3000"]) == [[], [], []]


@pytest.mark.parametrize("name", ["en", "xx"])
def test_runs_of_marks_split_as_spacy_splits_them(name: str):
    texts = [first + piece * n + last for piece in RUNS for n, first, last in ((40, "", ""), (25, "a", "!"), (9, "(", "b"))]
    assert split(texts, f"spacy:{name}") == [by_spacy(text, name) for text in texts]


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from([*RUNS, " ", "a"]), st.sampled_from([1, 2, 7, 40])), max_size=6))
def test_mixtures_of_runs_split_as_spacy_splits_them(runs: list[tuple[str, int]]):
    text = "".join(piece * n for piece, n in runs)[:300]
    assert split([text]) == [by_spacy(text)]


def test_chunks_of_more_than_a_thousand_characters_split_as_spacy_splits_them():
    texts = ["(" + piece * 1100 + ")." for piece in ("a-b", "a!", "a@", "1,", "é.", "!")]
    assert split(texts) == [by_spacy(text) for text in texts]


def test_patterns_join_over_many_chunks_as_in_spacy():
    texts = ["x:) ) " * 40, "x:) :) " * 40 + "end", "''a '' " * 30, "x:) )" * 50 + " :) )y", "a (x:)) :-( :-))) " * 10, "said.'' ''Then " * 20]
    assert split(texts) == [by_spacy(text) for text in texts]


def test_languages_with_spacys_default_rules_never_ask_spacy(monkeypatch: pytest.MonkeyPatch):
    texts = ["".join(piece * n for n in (3, 50)) + f" x:) ) 8.8.8.8/a-b {piece * 2000}" for piece in RUNS]
    expected = split(texts)
    monkeypatch.setattr(words_module, "word_spans", lambda tokenizer, text: pytest.fail(f"spaCy was asked for {text[:20]!r}"))
    assert split(texts) == expected
    assert split(["!" * 5000]) == [["!"] * 5000]


def test_other_languages_ask_spacy_once_for_each_chunk_and_never_for_long_ones(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def word_spans(tokenizer: object, text: str) -> list[tuple[int, int]]:
        asked.append(text)
        return [(0, len(text.encode()))]

    monkeypatch.setattr(words_module, "word_spans", word_spans)
    texts = [f"{piece * 3} {piece * 3} {piece * 2000}" for piece in RUNS]
    utf8, offsets = text_buffers(pa.array(texts))
    WordSplitter("spacy:de").split(utf8, offsets)
    assert len(asked) == len(set(asked)) == len(RUNS)
    assert max(len(text.encode()) for text in asked) <= LONGEST_ASKED
    assert split(["!" * 5000 + " Ende"], "spacy:de") == [["!"] * 5000 + ["Ende"]]


def test_chunks_beyond_the_longest_are_split_in_pieces():
    words = split(["é" * (LONGEST_CHUNK + 7) + "! end"])[0]
    assert [len(word) for word in words] == [LONGEST_CHUNK, 7, 1, 3]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["spacy:en", "spacy:fr", "characters", "icu:th"])
def test_a_megabyte_of_any_mark_takes_seconds(name: str):
    splitter = load_splitter(name)
    for piece in (*RUNS, *"0aZ \n\t"):
        utf8, offsets = text_buffers(pa.array([piece * (1_000_000 // len(piece.encode()))]))
        start = time.process_time()
        splitter.split(utf8, offsets)
        assert time.process_time() - start < 30, piece


def test_a_very_long_chunk_is_one_word():
    assert [len(word) for word in split(["x" * 400_000 + " end"])[0]] == [400_000, 3]
    assert [len(word) for word in split(["é" * 3000])[0]] == [3000]


@pytest.mark.parametrize("name", ["spacy:th", "spacy:zh", "spacy:ja"])
def test_languages_without_spaces_are_refused_with_a_way_out(name: str):
    with pytest.raises(CurateError, match=f"{name}.*spacy:xx"):
        WordSplitter(name)


@pytest.mark.parametrize("name", ["en", "nltk:en", "spacy:", "spacy:qq"])
def test_an_unknown_splitter_is_refused(name: str):
    with pytest.raises(CurateError, match=name):
        WordSplitter(name)
