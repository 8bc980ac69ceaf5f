import random
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import CurateError
from curate.signals import words as words_module
from curate.signals.buffers import text_buffers
from curate.signals.spacy_tables import INFIX, PREFIX, SUFFIX, spacy_tables
from curate.signals.split import HAS_LETTER, HAS_NON_SYMBOL
from curate.signals.words import WordSplitter
from tests.curate.web_like import ODD, documents

MARKS = "abzABZsSmk09 .,;:!?'\"’‘“”()[]{}<>-–—~/\\=+*^#$%&@_|°…•²é日ж€"


@cache
def splitter(name: str = "spacy:en") -> WordSplitter:
    return WordSplitter(name)


@cache
def tokenizer(language: str = "en"):
    return spacy.blank(language).tokenizer


def split(texts: list[str], name: str = "spacy:en") -> list[list[str]]:
    utf8, offsets = text_buffers(pa.array(texts, pa.string()))
    words = splitter(name).split(utf8, offsets)
    found = [utf8[start:end].tobytes().decode() for start, end in zip(words.starts, words.ends, strict=True)]
    return [found[first:last] for first, last in zip(words.doc_offsets[:-1], words.doc_offsets[1:], strict=True)]


def by_spacy(text: str, language: str = "en") -> list[str]:
    """datatrove's words."""
    return [token.text.strip() for token in tokenizer(language)(text) if token.text.strip()]


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


def test_urls_stay_whole_where_spacy_keeps_them_whole():
    schemes, hosts = (
        ["", "http://", "a+b://", "é://", "://", "u:p@", "http://u@", "@", "a@b.c-"],
        ["foo.org", "foo-.org", "a.b.c.de", "foo.Org", "x_y.com", "1.2.3.4", "foo.c", "münchen.de", "例え.日本", "u@h.com", ".com", "10.0.0.1", "1.5"],
    )
    tails = ["", "/", "/a-b/c", ":80", ":8", ":80/x", ":٣٤", "/@a.b-c", "?q=a-b", "#a:b", ".a-b", "-", ",", ")"]
    text = " ".join(scheme + host + tail for scheme in schemes for host in hosts for tail in tails)
    assert split([text]) == [by_spacy(text)]


@pytest.mark.parametrize("language", ["de", "fr", "xx", "tr", "ru", "sv"])
def test_other_languages_split_as_their_spacy_tokenizer_does(language: str):
    texts = [*documents(40, seed=4), "L'été, c'est-à-dire z.B. 3km aujourd'hui 5'te Ankara'da т.е. нас-то bzw. ca. 12.5.2019 d.v.s. Straßen"]
    assert split(texts, f"spacy:{language}") == [by_spacy(text, language) for text in texts]


def test_words_know_their_characters_letters_and_marks():
    utf8, offsets = text_buffers(pa.array(["naïve 12 … é! 日本"]))
    words = splitter().split(utf8, offsets)
    assert words.n_chars.tolist() == [5, 2, 1, 1, 1, 2]
    assert (words.flags & HAS_LETTER > 0).tolist() == [True, False, False, True, False, True]
    assert (words.flags & HAS_NON_SYMBOL > 0).tolist() == [True, True, False, True, False, True]


def test_equal_words_have_equal_hashes_however_they_were_found():
    utf8, offsets = text_buffers(pa.array(["mark mark, (mark) x@y.com-mark éa (éa)"]))
    words = splitter().split(utf8, offsets)
    by_text: dict[bytes, set[int]] = {}
    for start, end, hashed in zip(words.starts, words.ends, words.hashes, strict=True):
        by_text.setdefault(utf8[start:end].tobytes(), set()).add(int(hashed))
    assert all(len(hashes) == 1 for hashes in by_text.values())
    assert len({next(iter(hashes)) for hashes in by_text.values()}) == len(by_text)


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


def test_texts_must_be_strings():
    with pytest.raises(CurateError, match="int64"):
        text_buffers(pa.array([1, 2]))


def test_the_classes_of_characters_are_those_of_spacys_expressions():
    classes = spacy_tables("spacy:en", tokenizer).classes
    for code in [*range(0x21, 0x3100), *range(0xFE00, 0xFFFF), *range(0x1F000, 0x1FA70)]:
        character = chr(code)
        if character not in "+.":  # these have rules of their own
            assert (tokenizer().find_prefix(character + "aa") == 1) == bool(classes[code] & PREFIX), hex(code)
            assert (tokenizer().find_suffix("Aa" + character) == 1) == bool(classes[code] & SUFFIX), hex(code)
            assert bool(tokenizer().find_infix("A" + character + "9")) == bool(classes[code] & INFIX), hex(code)
