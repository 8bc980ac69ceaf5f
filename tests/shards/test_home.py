import pytest

from shards.home import argument_with_home, with_home


@pytest.fixture(autouse=True)
def home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")


def test_a_home_folder_at_the_beginning_of_any_text_of_a_recipe_is_expanded():
    assert with_home({"a": ["~/x", {"b": "~/y/~/z"}], "c": "x ~/y", "d": 3, "e": "~5 marks", "f": "~"}) == {
        "a": ["/home/me/x", {"b": "/home/me/y/~/z"}],
        "c": "x ~/y",
        "d": 3,
        "e": "~5 marks",
        "f": "~",
    }


@pytest.mark.parametrize(
    "argument, meant",
    [
        ("~/x", "/home/me/x"),
        ("~", "/home/me"),
        ("--out=~/x", "/home/me/x"),
        ("web=~/x", "web=/home/me/x"),
        ("out.path=~/x y", "out.path=/home/me/x y"),
        ("x~/y", "x~/y"),
        ("~approx", "~approx"),
        ("a ~/b", "a ~/b"),
    ],
)
def test_home_folders_in_arguments_are_expanded_also_after_an_equals_sign(argument, meant):
    assert argument_with_home(argument) == ("--out=" if argument.startswith("--out") else "") + meant
