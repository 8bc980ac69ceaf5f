import unicodedata

from curate.models.cc_net_text import normalize


def slow_normalize(text: str) -> str:
    """cc_net's steps one after the other, for text without its typographic marks."""
    text = unicodedata.normalize("NFD", text.strip().lower())
    text = "".join(char for char in text if unicodedata.category(char) != "Mn")
    return "".join("0" if char.isdecimal() else char for char in text if unicodedata.category(char) != "Cc")


def test_text_is_normalised_as_cc_net_does() -> None:
    for text in ("  Élan vital 1984, ٣ ", "naïve\tCAFÉ\x07", "Straße Ångström", "हिन्दी १२", "日本語"):
        assert normalize(text) == slow_normalize(text)
    assert normalize("“Yes” — he’s said… «１２％»（ok）") == '"yes"  -  he\'s said... "00%"(ok)'
