from types import SimpleNamespace

import pytest

from curate.words.choice import LIBRARIES
from tests.curate.words.scripts import CHINESE, split

KOREAN = "위원회는 봄에 다시 열리며 항구에 관한 보고서가 완성될 것이다. 12345678901234567890123"


def test_korean_words_are_morphemes_and_may_share_a_syllable() -> None:
    (words,) = split("kiwi:ko", [KOREAN])
    assert words[:5] == ["위원회", "는", "봄", "에", "다시"] and set("".join(words)) == set(KOREAN) - set(" 1234567890")


LONG = "一二三ABC-1.2_" * 600 + "，" + "中国人民" * 900


def test_jieba_is_given_no_long_run_and_other_text_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    jieba = pytest.importorskip("jieba")
    given: list[str] = []

    def cut(text: str) -> list[str]:
        given.append(text)
        return [text]

    monkeypatch.setattr(jieba, "cut", cut)
    segment = LIBRARIES["jieba"].make("zh")
    segment(CHINESE)
    assert given == [CHINESE]
    assert segment(LONG)[-1, 1] == len(LONG)
    assert "".join(given[1:]) == LONG
    assert max(len(run) for piece in given[1:] for run in piece.split("，")) == 1000


def test_kiwi_is_given_no_long_run_without_white_space(monkeypatch: pytest.MonkeyPatch) -> None:
    kiwipiepy = pytest.importorskip("kiwipiepy")
    given: list[str] = []

    class Kiwi:
        def __init__(self, num_workers: int) -> None: ...

        def tokenize(self, text: str) -> list[SimpleNamespace]:
            given.append(text)
            return [SimpleNamespace(start=0, end=len(text))]

    monkeypatch.setattr(kiwipiepy, "Kiwi", Kiwi)
    spans = LIBRARIES["kiwi"].make("ko")("봄에 " + "_" * 2500)
    assert given == ["봄에 " + "_" * 1000, "_" * 1000, "_" * 500]
    assert spans[-1].tolist() == [2003, 2503]
