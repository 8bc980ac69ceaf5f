"""The keys that `timings.json` and the documents' manifest of a run must hold to be read; `report.json` is `shards.report_record`'s."""

from typing import Annotated, Any

from pydantic import Field

from shards.names import Count
from shards.report_record import Facts

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Timed(Facts):
    stage: str
    tasks: Count
    seconds: Seconds


class TimingsRecord(Facts):
    """`timings.json`."""

    stages: list[_Timed]
    steps: dict[str, Seconds]


class _Input(Facts):
    source: str
    license: str
    files: Count
    checksum: str


class DocumentsInfo(Facts):
    """`info` of the documents' manifest."""

    inputs: list[_Input]


class _InputPath(Facts):
    path: str


class _Dedup(Facts):
    before_rules: bool


class DocumentsRecipe(Facts):
    """`recipe` of the documents' manifest, only the keys read by name; `curate decide` parses all of it as a recipe."""

    inputs: list[_InputPath]
    rewrite: dict[str, Any]
    dedup: _Dedup
