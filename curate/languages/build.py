"""Build `languages.parquet` from the two published sources that NOTICE.md names.

    python -m curate.languages.build --figures fineweb2.jsonl.zst --splitters tokenizer_assignment.csv [--out languages.parquet]

The figures are one JSON object per language: the keys of fineweb-2's `configs/*.yml`, and the code as `language`.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from curate.languages.table import DUPLICATED, FIGURES, TOP

UNSPACED = {"Thai": "th", "Laoo": "lo", "Khmr": "km", "Mymr": "my", "Hani": "zh", "Hans": "zh", "Hant": "zh", "Jpan": "ja", "Tibt": "bo"}
"""Scripts without spaces between words, and the ICU language that splits them: by dictionary, or for Tibetan by syllable."""

BY_CHARACTER = ("Bali", "Java", "Lana", "Tale", "Talu", "Tavt", "Yiii")
"""Scripts without spaces between words that no known splitter supports: Balinese, Javanese, four of the Tai languages, Yi."""


def main() -> None:
    """Write the table from the two sources given on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--figures", type=Path, required=True)
    parser.add_argument("--splitters", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "languages.parquet")
    options = parser.parse_args()
    with pa.input_stream(str(options.figures), compression="detect") as stream:
        published = [json.loads(line) for line in stream.read().splitlines()]
    build(published, pl.read_csv(options.splitters, infer_schema=False).fill_null("")).write_parquet(options.out, compression_level=19)


def build(published: list[dict[str, Any]], splitters: pl.DataFrame) -> pl.DataFrame:
    """The table of `curate.languages.table.language_table`, in datatrove's order of precedence."""
    listed = splitters.unique(["code_3", "script"], keep="first", maintain_order=True)
    # A two-letter code stands for the language that datatrove marks as its default, otherwise for the first one.
    ordered = listed.sort(pl.col("default_code_1") != "TRUE", maintain_order=True)
    rows = [
        {
            "language": f"{row['code_3']}_{row['script']}",
            "code_2": row["code_1"],
            "is_default": row["default_script"] == "TRUE",
            "words": _words(row),
            "words_datatrove": _words_datatrove(row),
        }
        for row in ordered.iter_rows(named=True)
    ]
    schema = {name: pl.Float64 for name in FIGURES}
    numbers = pl.DataFrame([_figures(entry) for entry in published], schema={"language": pl.String, **schema, "stop_words": pl.List(pl.String)})
    return pl.DataFrame(rows).join(numbers, on="language", how="left", maintain_order="left")


def _figures(published: dict[str, Any]) -> dict[str, Any]:
    runs = dict(zip(TOP, (share for _, share in published["top_n_grams"]), strict=True))
    runs |= dict(zip(DUPLICATED, (share for _, share in published["dup_n_grams"]), strict=True))
    return {"language": published["language"], **{name: published[name] for name in FIGURES if name in published}, **runs, "stop_words": published["stopwords"]}


def _words(row: dict[str, str]) -> str:
    """Our splitter: ICU for scripts without spaces, characters where ICU has no dictionary, spaCy's rules for all others."""
    if row["script"] in UNSPACED:
        return f"icu:{UNSPACED[row['script']]}"
    if row["script"] in BY_CHARACTER:
        return "characters"
    own_rules = row["type"] == "SpaCyTokenizer" and row["tok_code"] not in ("ja", "vi", "zh")
    return f"spacy:{row['tok_code']}" if own_rules else "spacy:xx"


def _words_datatrove(row: dict[str, str]) -> str:
    """The splitter that FineWeb2 measured with if we have it, otherwise ours."""
    datatrove = {
        ("SpaCyTokenizer", "zh"): "jieba:zh",
        ("SpaCyTokenizer", "ja"): "sudachi:ja",
        ("ThaiTokenizer", ""): "newmm:th",
        ("KiwiTokenizer", ""): "kiwi:ko",
    }
    return datatrove.get((row["type"], row["tok_code"]), _words(row))


if __name__ == "__main__":
    main()
