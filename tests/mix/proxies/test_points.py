import pytest

from mix.proxies.points import read_points
from shards.errors import RecipeError


def write(tmp_path, text):
    (tmp_path / "points.yaml").write_text(text)
    return tmp_path / "points.yaml"


def test_a_file_of_points_may_be_a_confirmation_with_repeats(tmp_path):
    read = read_points(write(tmp_path, "kind: confirmation\npoints: [{shares: {law: 0.7, web: 0.3}, repeats: 3, why: suggested}]\n"))
    assert read.kind == "confirmation" and read.points[0].shares == {"law": 0.7, "web": 0.3} and read.points[0].repeats == 3
    assert read_points(write(tmp_path, '{"points": [{"shares": {"law": 1}}]}')).kind == "trained"


@pytest.mark.parametrize(
    "text, problem",
    [
        ("points: []", "points"),
        ("points: [{shares: {a: 0.5, b: 0.4}}]", "points.0.shares: the shares sum to 0.9, not to 1"),
        ("points: [{shares: {a: 70, b: 30}}]", "sum to 100, not to 1; they look like percentages"),
        ("points: [{shares: {a: -0.5, b: 1.5}}]", "points.0.shares.a"),
        ("kind: merged\npoints: [{shares: {a: 1}}]", "kind"),
    ],
)
def test_bad_points_are_named(tmp_path, text, problem):
    with pytest.raises(RecipeError, match=problem):
        read_points(write(tmp_path, text))
