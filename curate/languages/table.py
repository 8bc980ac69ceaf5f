"""The shipped table of languages, and the codes that identifiers use for them.

The table names languages as GlotLID and FineWeb2 do, by ISO 639-3 and ISO 15924: `swh_Latn`. Other identifiers use `sw` or `swh`.
"""

from functools import cache
from importlib.resources import files
from pathlib import Path

import polars as pl

ALIASES = {"bh": "bho_Deva", "in": "ind_Latn", "iw": "heb_Hebr", "jw": "jav_Latn", "no": "nob_Latn", "sh": "hbs_Latn", "tl": "fil_Latn", "zh-Hant": "cmn_Hani"}
"""Codes in use that ISO 639 does not assign to one language and script."""

TOP = tuple(f"top_{n}_gram" for n in (2, 3, 4))
DUPLICATED = tuple(f"duplicated_{n}_n_grams" for n in range(5, 11))
FIGURES = (
    "language_score",
    "min_avg_word_length",
    "max_avg_word_length",
    "max_non_alpha_words_ratio",
    "line_punct_thr",
    "new_line_ratio",
    "dup_line_frac",
    *TOP,
    *DUPLICATED,
)
"""FineWeb2's figures for a language, null where it published none. `max_non_alpha_words_ratio` is a minimum: the least share of words with a letter."""


@cache
def language_table() -> pl.DataFrame:
    """One row per language.

    `language`: `swh_Latn`. `code_2`: ISO 639-1 or "". `is_default`: whether a code without script means this script. `words` and
    `words_datatrove`: splitters. FIGURES, float64, and `stop_words`, list of strings: null without published figures.
    """
    return pl.read_parquet(Path(str(files("curate.languages"))) / "languages.parquet")


@cache
def full_code(code: str) -> str:
    """`swh_Latn` for `sw`, `swh` or `swh_Latn`; a code that is not in the table is returned unchanged."""
    return _full_codes().get(code, code)


@cache
def _full_codes() -> dict[str, str]:
    table = language_table()
    known: dict[str, str] = {}
    for language, code_2, is_default in table.select("language", "code_2", "is_default").iter_rows():
        known[language] = language
        if is_default:
            known.setdefault(language.split("_")[0], language)
            if code_2:
                known.setdefault(code_2, language)
    return known | {alias: language for alias, language in ALIASES.items() if language in known}


@cache
def figures() -> pl.DataFrame:
    """Languages with published figures: columns `language`, FIGURES and `stop_words`."""
    return language_table().filter(pl.col("language_score").is_not_null()).select("language", *FIGURES, "stop_words")


@cache
def stop_words(code: str) -> tuple[str, ...] | None:
    """FineWeb2's stop words of a language by any of its codes; None without published figures."""
    words = figures().filter(pl.col("language") == full_code(code))["stop_words"]
    return tuple(words[0]) if len(words) else None
