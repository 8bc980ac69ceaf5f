"""Small tables of runs for tests."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mix.runs.read import table_of
from mix.runs.table import Runs


def csv_file(path: Path, text: str) -> Path:
    """A CSV file of lines that may be indented and padded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(",".join(cell.strip() for cell in line.split(",")) for line in text.strip().split("\n")) + "\n")
    return path


def two_sources(shares: Sequence[float], losses: Sequence[float], **columns: Sequence[object]) -> Runs:
    """A cleaned table of runs a0, a1, …: `shares` of the first of two sources, `losses` of the domain `code` in bits per byte."""
    first = np.asarray(shares, float)
    of_run = {"run": [f"a{i}" for i in range(len(first))]}
    return table_of({**of_run, "share.code": first.tolist(), "share.web": (1 - first).tolist(), "bits.code": list(losses), **columns})[0]
