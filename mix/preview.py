"""What a mix will be, before and after it is built: shares requested and realised, epochs, repeats, padding."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mix.errors import MixError
from mix.extended_schedule import RowSchedule
from mix.rows import PackedSource
from mix.stages import StagePlan
from shards.console import print_table, summary
from shards.facts import RowTokens
from shards.names import Count, FileName
from shards.record import read_record, write_record

PREVIEW_NAME = "preview.json"

_MOST_SHOWN = 60
"""Upper limit of characters of a value in a table."""

Share = Annotated[float, Field(ge=0, le=1 + 1e-6)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class SourceFacts(NamedTuple):
    """What a source's documents say about it."""

    synthetic_share: float
    """share of its tokens that are of synthetic documents"""
    value: str | None
    """value of the column that it is a group of, as the documents have it; None without a split"""


class StageCounts(NamedTuple):
    """Rows and tokens that each source contributes to each stage. A row belongs to the stage in which it begins."""

    rows: NDArray[np.int64]
    """(n_stages, n_sources) int64"""
    tokens: NDArray[np.int64]
    """(n_stages, n_sources) int64: real tokens"""


def count_by_stage(schedule: RowSchedule, stages: StagePlan) -> StageCounts:
    """Count the rows of a schedule by stage and source."""
    ends = [schedule.row_at(round(end, 3)) for end in np.cumsum(stages.tokens)[:-1].tolist()]  # rows begin at whole tokens, sums are inexact
    changes = [length.first_row for length in schedule.lengths[1:]]
    for stage in np.flatnonzero(np.diff(stages.row_tokens)) if changes else ():  # the last row of the old length may end a fraction of a token early
        ends[stage] = min(changes, key=lambda row: abs(row - ends[stage]))
    states = [schedule.state(row) for row in (0, *ends, schedule.n_rows)]
    return StageCounts(np.diff([state.drawn for state in states], axis=0), np.diff([state.given for state in states], axis=0))


def describe(row_tokens: int, stage_plan: StagePlan, packed: Sequence[PackedSource], counts: StageCounts, opened: Mapping[str, SourceFacts]) -> dict[str, Any]:
    """The content of `preview.json`. Shares, padding and epochs are fractions; `repeats` is the maximum number of times that a row appears, or where a
    source has rows of several lengths, a document; `split_documents` are those cut at the length that cuts most.

    `padding` of a source is that of the rows drawn from it, counted as often as each is drawn. `opened` has what only the opened sources know.
    """
    packed_names = [source.name for source in packed]
    names = list(dict.fromkeys(packed_names))
    by_source = np.array([[float(name == packed_name) for name in names] for packed_name in packed_names])  # (n_packed, n_sources)
    asked, given = stage_plan.asked @ by_source, counts.tokens @ by_source
    stages = [
        {
            "name": name,
            "row_tokens": int(stage_plan.row_tokens[index]),
            "rows": int(counts.rows[index].sum()),
            "tokens": int(counts.tokens[index].sum()),
            "asked": _by_name(names, asked[index]),
            "got": _by_name(names, given[index]),
            "curve_error": float(stage_plan.error[index]),
        }
        for index, name in enumerate(stage_plan.names)
    ]
    totals = _by_name(names, stage_plan.shares.cumulative[-1] @ by_source), _by_name(names, given.sum(axis=0))
    drawn = list(zip(packed, counts.rows.sum(axis=0).tolist(), counts.tokens.sum(axis=0).tolist(), strict=True))
    sources = [
        _describe_source([item for item in drawn if item[0].name == name])
        | {"asked": totals[0][name], "got": totals[1][name]}
        | {"synthetic": opened[name].synthetic_share}
        | ({"value": value} if (value := opened[name].value) is not None else {})
        for name in names
    ]
    totals_of_run = {"row_tokens": row_tokens, "rows": int(counts.rows.sum()), "tokens": int(counts.tokens.sum())}
    return totals_of_run | {"synthetic": sum(source["got"] * source["synthetic"] for source in sources), "stages": stages, "sources": sources}


def _by_name(names: Sequence[str], tokens: Any) -> dict[str, float]:
    total = float(tokens.sum())
    return {name: float(value) / total if total else 0.0 for name, value in zip(names, tokens, strict=True)}


def _describe_source(drawn: Sequence[tuple[PackedSource, int, int]]) -> dict[str, Any]:
    """A source in all of its row lengths, each with the rows and tokens drawn."""
    first, tokens = drawn[0][0], sum(n_tokens for _, _, n_tokens in drawn)
    positions = sum(rows * packed.row_tokens for packed, rows, _ in drawn)
    return {
        "name": first.name,
        "available_tokens": first.n_tokens,
        "documents": first.n_documents,
        "rows": sum(rows for _, rows, _ in drawn),
        "tokens": tokens,
        "epochs": tokens / first.n_tokens if first.n_tokens else 0.0,
        "repeats": sum(-(-rows // packed.n_rows) for packed, rows, _ in drawn if packed.n_rows),
        "padding": 1 - tokens / positions if positions else 0.0,
        "split_documents": max(packed.n_split_documents for packed, _, _ in drawn),
    }


def write_preview(path: Path, preview: dict[str, Any]) -> None:
    """Write `preview.json`."""
    write_record(path, preview)


class _Facts(BaseModel):
    """Base: keys without a field here pass unchecked."""

    model_config = ConfigDict(extra="allow", frozen=True)


class _StageFacts(_Facts):
    name: str
    row_tokens: RowTokens
    rows: Count
    tokens: Count
    asked: dict[str, Share]
    got: dict[str, Share]
    curve_error: Amount


class _SourceFacts(_Facts):
    name: FileName
    available_tokens: Count
    documents: Count
    split_documents: Count
    rows: Count
    tokens: Count
    epochs: Amount
    repeats: Count
    padding: Share
    asked: Share
    got: Share
    synthetic: Share


class _Limit(_Facts):
    source: FileName
    largest_tokens: Count


class _Preview(_Facts):
    """Bounds of `preview.json`."""

    row_tokens: RowTokens
    rows: Count
    tokens: Count
    limiting: _Limit
    synthetic: Share
    max_synthetic: Share | None
    stages: list[_StageFacts]
    sources: list[_SourceFacts]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        for name, parts in (("stages", self.stages), ("sources", self.sources)):
            if (sum(part.rows for part in parts), sum(part.tokens for part in parts)) != (self.rows, self.tokens):
                raise ValueError(f"{name}: their rows and tokens do not sum to {self.rows} and {self.tokens}")
        return self


def read_preview(folder: Path) -> dict[str, Any]:
    """The preview in a mix's folder. Raises MixError if it is missing, damaged or out of bounds."""
    path = Path(folder) / PREVIEW_NAME
    try:
        return read_record(path, _Preview, error=MixError, remedy="rerun `mix build`").model_dump()
    except FileNotFoundError:
        raise MixError(f"{path}: missing; rerun `mix build`") from None


def with_costs(preview: dict[str, Any], batch_rows: int | None, tokens_per_second: float | None) -> dict[str, Any]:
    """The preview with the costs of training, for the run and by stage: `steps` of `batch_rows` rows, the last of the run perhaps of fewer, and `hours` at
    a speed in real tokens per second. None leaves a cost out. Raises MixError for a size or speed below 0."""
    if (batch_rows is not None and batch_rows < 1) or (tokens_per_second is not None and not tokens_per_second > 0):
        raise MixError(f"batch_rows {batch_rows}, tokens_per_second {tokens_per_second}: both must be above 0")

    def costs(part: dict[str, Any]) -> dict[str, Any]:
        steps = {} if batch_rows is None else {"steps": _n_steps(preview, batch_rows) if part is preview else part["rows"] / batch_rows}
        return steps | ({} if tokens_per_second is None else {"hours": part["tokens"] / tokens_per_second / 3600})

    options = {"batch_rows": batch_rows, "tokens_per_second": tokens_per_second}
    settings = {name: value for name, value in options.items() if value is not None}
    return preview | settings | costs(preview) | {"stages": [stage | costs(stage) for stage in preview["stages"]]}


def _n_steps(preview: dict[str, Any], batch_rows: int) -> int:
    """Optimizer steps of the run; none has rows of two lengths."""
    by_length = groupby(preview["stages"], lambda stage: stage["row_tokens"])
    return sum(-(-sum(stage["rows"] for stage in stages) // batch_rows) for _, stages in by_length)


def show(preview: dict[str, Any]) -> None:
    """Print the sources and, if there are several, the stages as tables, then the run's totals and its limit."""
    columns = ("source", "asked", "got", "tokens", "available", "epochs", "repeats", "rows", "padding", "documents", "split")
    lengths = ", then ".join(f"{row_tokens:,}" for row_tokens in _lengths(preview))
    print_table(f"{preview['tokens']:,} tokens in {preview['rows']:,} rows of {lengths}", columns, map(_source_cells, preview["sources"]))
    if len(preview["stages"]) > 1:
        names = [source["name"] for source in preview["sources"]]
        costs = [cost for cost in ("steps", "hours") if cost in preview]
        rows = [
            (
                *(stage["name"], f"{stage['tokens']:,}", f"{stage['rows']:,}", f"{stage['row_tokens']:,}", *(f"{stage[cost]:,.2f}" for cost in costs)),
                *(f"{stage['asked'][name]:.2%} → {stage['got'][name]:.2%}" for name in names),
            )
            for stage in preview["stages"]
        ]
        print_table("stages, shares asked → got", ("stage", "tokens", "rows", "of tokens", *costs, *names), rows)
    summary("the run", _totals(preview))


def _totals(preview: dict[str, Any]) -> dict[str, str]:
    """Lines of the closing summary."""
    limiting, positions = preview["limiting"], sum(stage["rows"] * stage["row_tokens"] for stage in preview["stages"])
    lines = {"padding": f"{1 - preview['tokens'] / positions if positions else 0:.3%} of the token positions"}
    if "steps" in preview:
        last = preview["rows"] % preview["batch_rows"] if len(_lengths(preview)) == 1 else 0
        lines["steps"] = f"{preview['steps']:,} of {preview['batch_rows']:,} rows" + (f", the last of {last:,}" if last else "")
    if "hours" in preview:
        lines["hours"] = f"{preview['hours']:,.2f} at {preview['tokens_per_second']:,.0f} real tokens per second"
    if preview["synthetic"] or preview["max_synthetic"] is not None:
        cap = "" if preview["max_synthetic"] is None else f", at most {preview['max_synthetic']:.1%} allowed"
        lines["synthetic"] = f"{preview['synthetic']:.2%} of the tokens{cap}"
    lines["limit"] = f"{limiting['source']}: at these weights and caps the sources allow {limiting['largest_tokens']:,} tokens"
    return lines


def _lengths(preview: dict[str, Any]) -> list[int]:
    """Tokens of the rows, in order, each length once where it changes."""
    return [row_tokens for row_tokens, _ in groupby(stage["row_tokens"] for stage in preview["stages"])]


def _label(source: dict[str, Any]) -> str:
    """A source's name, followed by its group's value where the name does not show it."""
    value = source.get("value")
    if not value or source["name"].endswith(f".{value}"):
        return str(source["name"])
    return f"{source['name']} = {value if len(value) <= _MOST_SHOWN else value[:_MOST_SHOWN] + '…'}"


def _source_cells(source: dict[str, Any]) -> tuple[Any, ...]:
    return (
        _label(source),
        f"{source['asked']:.3%}",
        f"{source['got']:.3%}",
        f"{source['tokens']:,}",
        f"{source['available_tokens']:,}",
        f"{source['epochs']:.2f}",
        source["repeats"],
        f"{source['rows']:,}",
        f"{source['padding']:.3%}",
        f"{source['documents']:,}",
        f"{source['split_documents']:,}",
    )
