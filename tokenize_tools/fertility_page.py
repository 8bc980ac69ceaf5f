"""The figures of `tokenize fertility` as one HTML page that needs nothing else."""

from pathlib import Path
from typing import Any, NamedTuple

import jinja2


class Measure(NamedTuple):
    """One section of the page: a field of the report's rows, and the words around it."""

    field: str
    title: str
    meaning: str
    less_is_cheaper: bool | None
    is_share: bool = False


MEASURES = (
    Measure("bytes_per_token", "Bytes per token", "UTF-8 bytes of text in one token. More is cheaper: fewer tokens for the same text.", False),
    Measure("relative_tokens", "Tokens against the first tokenizer", "Tokens for the same documents, by those of the first tokenizer.", True),
    Measure(
        "tokens_per_word",
        "Tokens per word",
        "Tokens that touch a word, found by their places in the text. A dash: the script puts no spaces between words.",
        True,
    ),
    Measure("split_words", "Continued words", "Share of words that more than one token covers.", True, True),
    Measure("byte_tokens", "Single bytes", "Share of tokens that are one byte of a longer character: the vocabulary lacks that character.", True, True),
    Measure(
        "renyi_efficiency",
        "Rényi efficiency",
        "How evenly the vocabulary is used (order 2.5); 1 if every id were equally common. It grows with the amount of text: compare along a line only.",
        None,
    ),
)


def render(figures: dict[str, Any]) -> str:
    """The page of the report's JSON object. All names are escaped; nothing is fetched."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    labels = [one["label"] for one in figures["tokenizers"]]
    sections = [(measure, _lines(figures["rows"], ("source", "language"), measure, labels)) for measure in MEASURES]
    parity = Measure("relative_tokens", "Parity", "", None)
    return environment.get_template("fertility.html.j2").render(
        tokenizers=figures["tokenizers"],
        whole=figures["rows"][: len(labels)],
        sections=[one for one in sections if any(cell is not None for line in one[1] for cell in line["cells"])],
        parity=_lines(figures["parity"], ("language",), parity, labels),
        base=figures["parity"][0]["base"] if figures["parity"] else "",
    )


def _lines(rows: list[dict[str, Any]], names: tuple[str, ...], measure: Measure, labels: list[str]) -> list[dict[str, Any]]:
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


def _cells(intervals: list[dict[str, float] | None], measure: Measure, top: float) -> list[dict[str, Any] | None]:
    known = [one["estimate"] for one in intervals if one]
    best = None
    if measure.less_is_cheaper is not None and len(known) > 1:
        best = min(known) if measure.less_is_cheaper else max(known)
    return [_cell(one, measure, top, is_best=one["estimate"] == best) if one else None for one in intervals]


def _cell(interval: dict[str, float], measure: Measure, top: float, *, is_best: bool) -> dict[str, Any]:
    low, estimate, high = (interval[name] for name in ("low", "estimate", "high"))
    return {
        "text": f"{estimate:.1%}" if measure.is_share else f"{estimate:.3f}",
        "range": f"{low:.1%} to {high:.1%}" if measure.is_share else f"{low:.3f} to {high:.3f}",
        "bar": 100 * estimate / top,
        "from": 100 * low / top,
        "width": max(100 * (high - low) / top, 0.4),
        "is_best": is_best,
    }
