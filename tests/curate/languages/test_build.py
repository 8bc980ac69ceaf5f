import polars as pl
import pytest

from curate.languages.build import build

COLUMNS = ("code_3", "code_1", "script", "default_script", "default_code_1", "type", "tok_code")


def assignments(*rows: tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=list(COLUMNS), orient="row")


@pytest.mark.parametrize(
    ("script", "kind", "code", "words", "datatrove"),
    [
        ("Latn", "SpaCyTokenizer", "de", "spacy:de", "spacy:de"),
        ("Latn", "SpaCyTokenizer", "vi", "spacy:xx", "spacy:xx"),
        ("Ethi", "StanzaTokenizer", "am", "spacy:xx", "spacy:xx"),
        ("Hani", "SpaCyTokenizer", "zh", "icu:zh", "jieba:zh"),
        ("Jpan", "SpaCyTokenizer", "ja", "icu:ja", "sudachi:ja"),
        ("Thai", "ThaiTokenizer", "", "icu:th", "newmm:th"),
        ("Hang", "KiwiTokenizer", "", "spacy:xx", "kiwi:ko"),
        ("Java", "SpaCyTokenizer", "xx", "characters", "characters"),
    ],
)
def test_the_script_chooses_the_splitter(script: str, kind: str, code: str, words: str, datatrove: str) -> None:
    row = build([], assignments(("abc", "", script, "TRUE", "", kind, code))).row(0, named=True)
    assert (row["language"], row["words"], row["words_datatrove"]) == (f"abc_{script}", words, datatrove)


def test_defaults_come_first_and_published_figures_join_by_code() -> None:
    listed = assignments(
        ("aaa", "aa", "Latn", "FALSE", "", "SpaCyTokenizer", "xx"),
        ("aab", "aa", "Latn", "TRUE", "TRUE", "SpaCyTokenizer", "xx"),
        ("aaa", "aa", "Latn", "TRUE", "", "SpaCyTokenizer", "de"),  # listed twice: the first counts
    )
    shares = {"top_n_grams": [[n, n / 10] for n in (2, 3, 4)], "dup_n_grams": [[n, n / 100] for n in range(5, 11)]}
    table = build([{"language": "aaa_Latn", "language_score": 0.5, "stopwords": ["na", "ya"], **shares}], listed)
    assert table["language"].to_list() == ["aab_Latn", "aaa_Latn"] and table["is_default"].to_list() == [True, False]
    figures = table.row(1, named=True)
    assert (figures["language_score"], figures["top_3_gram"], figures["duplicated_10_n_grams"], figures["stop_words"]) == (0.5, 0.3, 0.1, ["na", "ya"])
    assert table["language_score"][0] is None and table["stop_words"][0] is None
