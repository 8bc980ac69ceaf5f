import polars as pl

from curate.languages.table import figures, full_code, language_table, stop_words


def test_codes_of_all_identifiers_name_one_language() -> None:
    codes = ["sw", "swh", "swh_Latn", "zh", "th", "no", "iw", "pt", "zzz", ""]
    expected = ["swh_Latn", "swh_Latn", "swh_Latn", "cmn_Hani", "tha_Thai", "nob_Latn", "heb_Hebr", "por_Latn", "zzz", ""]
    assert [full_code(code) for code in codes] == expected


def test_each_language_stands_once_and_has_splitters() -> None:
    table = language_table()
    assert table["language"].is_unique().all() and table.select("words", "words_datatrove").null_count().row(0) == (0, 0)


def test_stop_words_are_found_by_any_code() -> None:
    words = stop_words("cs")
    assert words is not None and words == stop_words("ces_Latn") and words[0] == "v"
    assert stop_words("en") is None and stop_words("zzz") is None and "eng_Latn" not in figures()["language"].to_list()


def test_published_figures_are_kept_as_they_are() -> None:
    table = figures()
    assert len(table) == 1929 and len(language_table()) == 2177 and "eng_Latn" not in table["language"].to_list()
    assert table["max_avg_word_length"].max() == 3141 and (table["line_punct_thr"] == -1).sum() == 1613
    assert table["language_score"].min() == 0.3 and table["language_score"].max() == 0.9
    czech = table.filter(pl.col("language") == "ces_Latn").row(0, named=True)
    assert (czech["language_score"], czech["top_4_gram"], czech["duplicated_10_n_grams"], czech["stop_words"][0]) == (0.88, 0.165, 0.109, "v")
