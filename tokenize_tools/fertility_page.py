"""The figures of `tokenize fertility` as one HTML page."""

from pathlib import Path
from typing import Any, NamedTuple

from shards import page
from shards.page.colors import source_colors

Line = dict[str, Any]
"""One row of a table: `name`, `row` of the report, `cells` by column."""
RELATIVE = "relative_tokens"
"""Relative to the first tokenizer, whose own figures are 1 and are not shown."""


class FertilityMeasure(NamedTuple):
    """One measure: a field of the report's rows, and the words around it."""

    field: str
    title: str
    meaning: str
    less_is_cheaper: bool | None
    is_share: bool = False


MEASURES = (
    FertilityMeasure("bytes_per_token", "Bytes per token", "UTF-8 bytes of text in one token. More is cheaper: fewer tokens for the same text.", False),
    FertilityMeasure(RELATIVE, "Tokens against the first tokenizer", "Tokens for the same documents, divided by those of the first tokenizer.", True),
    FertilityMeasure(
        "tokens_per_word",
        "Tokens per word",
        "Tokens that overlap a word, by their offsets in the text. A dash: the script puts no spaces between words.",
        True,
    ),
    FertilityMeasure("split_words", "Continued words", "Share of words split into several tokens.", True, True),
    FertilityMeasure(
        "byte_tokens", "Single bytes", "Share of tokens that are one byte of a longer character: the vocabulary lacks that character.", True, True
    ),
    FertilityMeasure(
        "renyi_efficiency",
        "Rényi efficiency",
        "How evenly the vocabulary is used (order 2.5); 1 if every id were equally common. It grows with the amount of text, so compare within a row only.",
        None,
    ),
)


def render(figures: dict[str, Any]) -> str:
    """The page of the report's JSON object. Several tokenizers are compared measure by measure; one gets a single table of all measures."""
    labels = [tokenizer["label"] for tokenizer in figures["tokenizers"]]
    tables = {measure: _lines(figures["rows"], ("source", "language"), measure, labels) for measure in MEASURES}
    tables = {measure: lines for measure, lines in tables.items() if any(cell is not None for line in lines for cell in line["cells"])}
    return page.render(
        Path(__file__).parent / "fertility.html.j2",
        tokenizers=figures["tokenizers"],
        whole=figures["rows"][: len(labels)],
        sections=_by_measure(tables, labels) if len(labels) > 1 else _in_one_table(tables),
        parity=_lines(figures["parity"], ("language",), FertilityMeasure(RELATIVE, "Parity", "", None), labels),
        base=figures["parity"][0]["base"] if figures["parity"] else "",
        colors=source_colors({row["source"] for row in figures["rows"]} - {"all"}),
    )


def _by_measure(tables: dict[FertilityMeasure, list[Line]], labels: list[str]) -> list[dict[str, Any]]:
    return [_section(measure, lines, labels, skip=int(measure.field == RELATIVE)) for measure, lines in tables.items()]


def _section(measure: FertilityMeasure, lines: list[Line], labels: list[str], skip: int) -> dict[str, Any]:
    """One table; the first `skip` tokenizers are left out of it."""
    rows = [line | {"cells": line["cells"][skip:]} for line in lines]
    return {"title": measure.title, "meanings": [measure.meaning], "columns": labels[skip:], "lines": rows}


def _in_one_table(tables: dict[FertilityMeasure, list[Line]]) -> list[dict[str, Any]]:
    tables = {measure: lines for measure, lines in tables.items() if measure.field != RELATIVE}
    rows = [rows[0] | {"cells": [cell for row in rows for cell in row["cells"]]} for rows in zip(*tables.values(), strict=True)]
    meanings = [f"{measure.title}: {measure.meaning}" for measure in tables]
    return [{"title": "By source and language", "meanings": meanings, "columns": [measure.title for measure in tables], "lines": rows}]


def _lines(rows: list[dict[str, Any]], names: tuple[str, ...], measure: FertilityMeasure, labels: list[str]) -> list[Line]:
    # Rows come group by group, one for each tokenizer.
    groups = [rows[start : start + len(labels)] for start in range(0, len(rows), len(labels))]
    top = max((row[measure.field]["high"] for row in rows if row[measure.field]), default=1.0) or 1.0
    return [
        {
            "name": " · ".join(dict.fromkeys(group[0][name] or "(none)" for name in names)),
            "row": group[0],
            "cells": _cells([row[measure.field] for row in group], measure, top),
        }
        for group in groups
    ]


def _cells(intervals: list[dict[str, float] | None], measure: FertilityMeasure, top: float) -> list[dict[str, Any] | None]:
    known = [interval["estimate"] for interval in intervals if interval]
    best = None
    if measure.less_is_cheaper is not None and len(known) > 1:
        best = min(known) if measure.less_is_cheaper else max(known)
    return [_cell(interval, measure, top, is_best=interval["estimate"] == best) if interval else None for interval in intervals]


def _cell(interval: dict[str, float], measure: FertilityMeasure, top: float, *, is_best: bool) -> dict[str, Any]:
    low, estimate, high = (interval[name] for name in ("low", "estimate", "high"))
    return {
        "text": f"{estimate:.1%}" if measure.is_share else f"{estimate:.3f}",
        "range": f"{low:.1%} to {high:.1%}" if measure.is_share else f"{low:.3f} to {high:.3f}",
        "bar": 100 * estimate / top,
        "from": 100 * low / top,
        "width": max(100 * (high - low) / top, 0.4),
        "is_best": is_best,
    }
