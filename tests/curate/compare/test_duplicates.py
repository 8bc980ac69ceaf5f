from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.pipeline.run import run
from tests.curate.compare.copies import LONG, near, recipe, texts


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("longest", 1),
        ("first", 0),
        ("shortest", 2),
        ({"oldest": "date"}, 1),
        ({"newest": "date"}, 2),
        ({"highest": "score"}, 2),
        ({"highest": "text_bytes"}, 1),
        ({"prefer": ["b"]}, 2),
        ([{"prefer": ["b", "a"]}, "first"], 2),
        ([{"prefer": ["a"]}, {"lowest": "score"}], 0),
    ],
)
def test_the_copy_that_stays_is_the_one_that_the_criteria_prefer(tmp_path: Path, keep: object, kept: int) -> None:
    copies = [LONG[3] + " One more.", LONG[3] + " And then one more.", LONG[3]]
    dates, scores = ["2021-03-01", "2019-12-31", "2024-01-01"], [1, 2.5, 10]
    records = [{"text": text, "date": date, "score": score} for text, date, score in zip(copies, dates, scores, strict=True)]
    run(recipe(tmp_path / "in", {"a": records[:2], "b": records[2:]}, keep=keep), tmp_path / "out", 1)
    assert texts(tmp_path / "out") == [copies[kept]]


def test_a_criterion_that_no_copy_has_is_an_error(tmp_path: Path) -> None:
    wanted = recipe(tmp_path / "in", {"a": [{"text": LONG[0]}, {"text": near(0)}]}, keep={"oldest": "born"})
    with pytest.raises(CurateError, match=r"dedup\.keep: born: no duplicate has it"):
        run(wanted, tmp_path / "out", 1)
