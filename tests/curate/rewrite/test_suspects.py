import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from curate.rewrite.unicode import suspect_lines

LINES = st.text(st.sampled_from("ab \t&é\r\x00中"), max_size=5)


@given(st.lists(st.lists(LINES, max_size=5), max_size=5))
def test_lines_of_plain_ascii_are_passed_over_and_all_others_found(documents: list[list[str]]) -> None:
    found = suspect_lines(pa.array(["\n".join(lines) for lines in documents], pa.large_string()))
    plain = set("ab \t")
    ended = [(doc, line, "\n" if number < len(lines) else "") for doc, lines in enumerate(documents) for number, line in enumerate(lines, 1)]
    slow = [(doc, line + end) for doc, line, end in ended if not set(line) <= plain]
    assert list(zip(found.docs.tolist(), found.lines.to_pylist(), strict=True)) == slow


def test_more_lines_than_there_is_room_for_at_first_are_found() -> None:
    found = suspect_lines(pa.array(["é\n" * 5000, "x", "ü"], pa.large_string()))
    assert found.lines.to_pylist() == ["é\n"] * 5000 + ["ü"] and found.docs[-1] == 2
