import pytest

from curate.read.recipe import InputRecipe


@pytest.mark.parametrize("name", ["latin9000", "rot13", "base64", "hex", "", "\x00", "undefined", "idna", "punycode"])
def test_unknown_encodings_and_codecs_that_are_not_for_text_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a text encoding that Python knows"):
        InputRecipe(path="a", encoding=name)


def test_encodings_are_kept_by_the_name_that_python_gives_them() -> None:
    assert InputRecipe(path="a", encoding="Latin1").encoding == InputRecipe(path="a", encoding="latin_1").encoding == "iso8859-1"
