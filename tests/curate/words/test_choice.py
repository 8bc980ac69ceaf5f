"""Words of any script: what the recipe's `words` names, and which splitter a language gets."""

import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.kernels.buffers import frozen, text_buffers
from curate.languages.table import language_table
from curate.words import choice
from curate.words.characters import CharacterSplitter
from curate.words.choice import LIBRARIES, check_words, load_splitter, splitter_name
from curate.words.spacy_words import WordSplitter
from tests.curate.words.scripts import CHINESE, split, strings

THAI = "คณะกรรมการจะประชุมอีกครั้งในฤดูใบไม้ผลิ เมื่อรายงานเสร็จ 1,234 หน้า\nท่าเรือใหญ่"
JAPANESE = "委員会は春に再び開かれ、港についての報告書が完成しているはずです。\nThe report of 2024.\n" * 250


@pytest.mark.parametrize(
    ("name", "language", "text"), [("jieba:zh", "cmn_Hani", CHINESE), ("newmm:th", "tha_Thai", THAI), ("sudachi:ja", "jpn_Jpan", JAPANESE)]
)
def test_words_are_those_that_datatrove_finds(name: str, language: str, text: str) -> None:
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    texts = [text, "", " \n", "harbour 1,000.5 " + text]
    # Over 40,000 bytes datatrove cuts Japanese anywhere, we cut between lines.
    texts = [one[:9000] for one in texts]
    assert split(name, texts) == [load_word_tokenizer(language).word_tokenize(one) if one.strip() else [] for one in texts]


@pytest.mark.parametrize(("name", "text"), [("icu:th", THAI), ("icu:zh", CHINESE), ("icu:km", "គណៈកម្មការនឹងជួបជុំម្តងទៀត"), ("sudachi:ja", JAPANESE)])
def test_no_letter_is_lost_and_no_word_has_blanks_around_it(name: str, text: str) -> None:
    whole, *rest = split(name, [text, text[: len(text) // 2], ""])
    assert "".join(whole) == "".join(text.split()) and all(word == word.strip() and word for word in whole)
    assert len(whole) >= 5 and rest[-1] == []


def test_a_words_properties_are_those_that_spacys_splitter_gives() -> None:
    text = "a 1,5 … ! naïve 港 #x"
    utf8, offsets = (frozen(array) for array in text_buffers(pa.array([text])))
    spacy, icu = (WordSplitter("spacy:xx").split(utf8, offsets), load_splitter("icu:en").split(utf8, offsets))
    by_word = {word: number for number, word in enumerate(strings(utf8, spacy)[0])}
    same = [(by_word[word], number) for number, word in enumerate(strings(utf8, icu)[0]) if word in by_word]
    assert {text[0], "naïve", "港", "…", "!"} & set(by_word) <= {strings(utf8, icu)[0][number] for _, number in same}
    for column in ("starts", "ends", "n_chars", "flags", "hashes"):
        assert [getattr(spacy, column)[a] for a, _ in same] == [getattr(icu, column)[b] for _, b in same]


def test_automatic_words_go_by_the_language_under_any_of_its_codes() -> None:
    assert [splitter_name("auto", code) for code in ("th", "tha", "tha_Thai", "zh", "ja", "lo", "bo", "ko")] == [
        *["icu:th"] * 3,
        "icu:zh",
        "icu:ja",
        "icu:lo",
        "icu:bo",
        "spacy:xx",
    ]
    assert [splitter_name("auto:datatrove", code) for code in ("th", "zh", "ja", "ko", "sw")] == ["newmm:th", "jieba:zh", "sudachi:ja", "kiwi:ko", "spacy:tn"]
    assert [splitter_name("auto", code) for code in ("de", "", "zxx", "jav_Java")] == ["spacy:de", "spacy:xx", "spacy:xx", "characters"]
    assert splitter_name("spacy:en", "th") == "spacy:en"


@pytest.mark.parametrize("words", list(choice.AUTOMATIC))
def test_a_corrected_splitter_replaces_that_of_the_table(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "SPLITTERS", {"swh_Latn": "spacy:xx", "tok_Zzzz": "characters"})
    monkeypatch.setattr(choice, "_assignments", choice._assignments.__wrapped__)  # not cached
    assert [splitter_name(words, code) for code in ("sw", "tok_Zzzz", "de")] == ["spacy:xx", "characters", "spacy:de"]


def test_every_assigned_splitter_can_be_made() -> None:
    names = {name for column in ("words", "words_datatrove") for name in language_table()[column].to_list()}
    assert len(names) > 40
    for name in sorted(names - {"kiwi:ko", "sudachi:ja"}):
        assert load_splitter(name).name == name


def test_only_whole_texts_decide_words_not_their_neighbours() -> None:
    texts = [THAI, CHINESE, "mixed ไทย text"]
    assert split("icu:th", texts) == [split("icu:th", [text])[0] for text in texts]
    utf8, offsets = text_buffers(pa.array(texts))
    assert strings(utf8, CharacterSplitter().split(frozen(utf8), frozen(offsets[1:])))[0] == split("characters", texts)[1]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("icu", "expected icu:LANGUAGE"),
        ("jieba:th", "expected jieba:zh"),
        ("thai", "known are auto, auto:datatrove, spacy:LANGUAGE"),
        ("spacy:", "expected spacy:LANGUAGE"),
    ],
)
def test_a_splitter_that_does_not_exist_is_one_clear_line(name: str, problem: str) -> None:
    with pytest.raises(CurateError, match=problem):
        check_words(name)


def test_a_library_that_is_not_installed_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(language: str) -> None:
        raise ImportError

    monkeypatch.setitem(LIBRARIES, "icu", LIBRARIES["icu"]._replace(make=missing))
    with pytest.raises(CurateError, match=r"words icu:xx: needs icu4py; pip install 'cptkit\[languages\]'"):
        load_splitter("icu:xx")
