import ftfy
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.normal_forms import LONGEST_MARK_RUN
from curate.rewrite import unicode
from curate.rewrite.unicode import FIX, MODES, MOST_LEVELS, Mode, fix_unicode, suspect_lines

SAMPLES = [
    "plain ASCII, nothing to do\n",
    "The Mona Lisa doesnÃ¢â‚¬â„¢t have eyebrows.",
    "“curly” ‘quotes’ and a bare\rcarriage return, and CRLF\r\nlines\r\n",
    "ends in CR\r",
    "&lt;b&gt; stays after a < sign &amp; before?\n&amp; again",
    "&amp; is unescaped here\nbut not < here &amp; nor\nhere &amp;",
    "ﬂuﬃness and ＦＵＬＬ　ＷＩＤＴＨ",
    "cafe\u0301 is decomposed, café is not",
    "\x1b[36;44mcolours\x1b[0m and \x00 control \x07 characters\ufeff",
    "line\u2028separator and\x85next line",
    "Это нормальный текст, 中文也是，日本語も。",
    "Äœ\nand Ã\n",
    "voilÃ le travail\nÃ la carte\nVoilà œ\nœ",
    "l’humanitÃ© &eacute; &#233;",
    "à² ¹ ×² √† ‚Äî ГўВЂВњtestГўВЂВќ",
    "",
]


def by_ftfy(texts: list[str], mode: Mode) -> list[str]:
    return [ftfy.fix_text(text, mode.config) for text in texts]


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_known_faults_are_repaired_as_ftfy_does(mode: Mode) -> None:
    fixed, changed = fix_unicode(pa.array(SAMPLES, pa.large_string()), mode)
    assert fixed.to_pylist() == by_ftfy(SAMPLES, mode)
    assert changed.tolist() == [after != before for after, before in zip(by_ftfy(SAMPLES, mode), SAMPLES, strict=True)]
    assert not changed[0] and changed[1]


def test_a_column_that_needs_no_repair_is_returned_itself() -> None:
    texts = pa.array(["plain", "größer 中文"], pa.large_string())
    for mode in MODES.values():
        fixed, changed = fix_unicode(texts, mode)
        assert fixed is texts and not changed.any()


def test_fixing_leaves_quotes_and_full_width_punctuation_and_ends_lines_alike() -> None:
    fixed, _ = fix_unicode(pa.array(["中文，“引号”。\r\nﬁn cafe\u0301 doesnâ€™t"], pa.large_string()), FIX)
    assert fixed.to_pylist() == ["中文，“引号”。\nﬁn cafe\u0301 doesn’t"]


_ASCII = ["a", "Z", "1", ".", ";", " ", "&", "&amp;", "&lt;", "&#39;", "&bogus;", "<", ">", "\n", "\r", "\r\n", "\x0b", "\x0c", "\x1b[1m"]
_QUOTES_AND_MARKS = ["“", "”", "‘", "’", "„", "é", "e\u0301", "ﬁ", "Ａ", "，", "\x80", "\x9d", "\u2028", "\ufffd", "中", "ก่", "ї"]
_MOJIBAKE = ["ã", "â€™", "Ã©", "Â ", "Â", "®", "€", "œ", "Œ", "à", "²", "½", "º", "Ø", "Ù", "…", "–", "×", "√", "Ä", "\xa0"]
PIECES = st.sampled_from(_ASCII + _QUOTES_AND_MARKS + _MOJIBAKE)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=30), min_size=1, max_size=4))
def test_any_text_is_repaired_as_ftfy_does(texts: list[str]) -> None:
    texts = [text for text in texts if text.encode("utf-8", "ignore").decode() == text]
    for mode in MODES.values():
        fixed, _ = fix_unicode(pa.array(texts, pa.large_string()), mode)
        assert fixed.to_pylist() == by_ftfy(texts, mode)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp1251", "macroman", "cp437"])
def test_mojibake_of_every_common_kind_is_found(encoding: str) -> None:
    texts = ["naïve café — “déjà vu”", "Ελληνικά και русский", "größer, żółć, ñandú", "价格 ¥500"]
    broken = [text.encode().decode(encoding, "replace") for text in texts]
    for mode in MODES.values():
        fixed, _ = fix_unicode(pa.array(broken, pa.large_string()), mode)
        assert fixed.to_pylist() == by_ftfy(broken, mode)


def nested(levels: int) -> str:
    """An e with an accent, encoded so many times, as in `&amp;amp;eacute;`."""
    return "x &" + "amp;" * (levels - 1) + "eacute; y"


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_entities_within_entities_are_decoded_as_ftfy_does_up_to_the_bound(mode: Mode) -> None:
    texts = [*(nested(levels) for levels in (1, 2, 3, MOST_LEVELS)), "&#38;#38;#38;lt; &am&#112; ＆ａｍｐ；lt； &\x00amp; " * 9, "AT&T; a & b; " * 20 + "Ã©"]
    assert fix_unicode(pa.array(texts, pa.large_string()), mode)[0].to_pylist() == by_ftfy(texts, mode)


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_deeper_entities_stay_encoded_after_a_bounded_number_of_passes(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    def fix_text(text: str, config: ftfy.TextFixerConfig) -> str:
        given.append(len(text))
        assert not config.unescape_html, "ftfy would take a pass for each level"
        return ftfy.fix_text(text, config)

    monkeypatch.setattr(unicode, "fix_text", fix_text)
    fixed, _ = fix_unicode(pa.array([nested(2000)], pa.large_string()), mode)
    levels_left = 2000 - fixed[0].as_py().count("amp;")
    assert fixed[0].as_py() == nested(2000 - levels_left + 1)
    assert levels_left <= MOST_LEVELS + 2
    assert sum(given) <= MOST_LEVELS * len(nested(2000))


def test_long_runs_of_marks_are_repaired_and_normalised_in_pieces() -> None:
    marks = "\u0301\u0316" * LONGEST_MARK_RUN
    fixed, changed = fix_unicode(pa.array(["Ã© a" + marks + " b"], pa.large_string()), MODES["normalize"])
    pieces = ["Ã© a" + marks[:LONGEST_MARK_RUN], marks[LONGEST_MARK_RUN:] + " b"]
    assert fixed.to_pylist() == ["".join(by_ftfy(pieces, MODES["normalize"]))] and changed.tolist() == [True]


LINES = st.text(st.sampled_from("ab \t&é\r\x00中"), max_size=5)


@given(st.lists(st.lists(LINES, max_size=5), max_size=5))
def test_lines_of_plain_ascii_are_skipped_and_all_others_found(documents: list[list[str]]) -> None:
    suspects = suspect_lines(pa.array(["\n".join(lines) for lines in documents], pa.large_string()))
    plain = set("ab \t")
    ended = [(doc, line, "\n" if number < len(lines) else "") for doc, lines in enumerate(documents) for number, line in enumerate(lines, 1)]
    slow = [(doc, line + end) for doc, line, end in ended if not set(line) <= plain]
    assert list(zip(suspects.docs.tolist(), suspects.lines.to_pylist(), strict=True)) == slow


def test_any_number_of_suspect_lines_is_found() -> None:
    suspects = suspect_lines(pa.array(["é\n" * 5000, "x", "ü"], pa.large_string()))
    assert suspects.lines.to_pylist() == ["é\n"] * 5000 + ["ü"] and suspects.docs[-1] == 2
