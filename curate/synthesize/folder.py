"""A finished synthesis: the record that its output folder holds."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from curate.errors import CurateError
from shards.names import Checksum, Count
from shards.record import read_record

SETS = {"documents": "documents", "rejected": "documents", "verdicts": "verdicts"}
"""Folder to kind of each set."""
REPORT = "synthesis.json"


class SynthesisInput(BaseModel):
    """One documents set that a synthesis read."""

    label: str
    path: str


class Synthesis(BaseModel):
    """What `synthesis.json` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    key: Checksum
    task: str
    model: str
    inputs: list[SynthesisInput]
    counts: dict[str, Count | float]
    verdicts: dict[str, Count]
    """Number of verdicts by rule, the most frequent first."""


def is_synthesis(out: Path) -> bool:
    """Whether a folder is the output of `curate synthesize`."""
    return (Path(out) / REPORT).is_file()


def read_synthesis(out: Path) -> Synthesis:
    """`synthesis.json` of a finished synthesis. Raises FileNotFoundError if there is none, CurateError if it is damaged."""
    return read_record(Path(out) / REPORT, Synthesis, error=CurateError, remedy="rerun the same `curate synthesize`; no request is made twice")
