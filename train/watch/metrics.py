"""`metrics.jsonl`: one JSON object per step; trackers and the display get the same record."""

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from shards.folder import refuse_foreign, write_owned
from train.errors import TrainError
from train.loop import StepReport

FILE = "metrics.jsonl"


def step_record(report: StepReport, sources: list[str], speed: Mapping[str, float], bits: Mapping[str, Mapping[str, float]] | None = None) -> dict[str, Any]:
    """One line of metrics.jsonl. `speed` holds throughput figures. `loss_by_source` omits sources without targets in this step. `skipped` is present
    only if the step was skipped. `bits` maps metric names to scores by domain, for steps that were evaluated."""
    counts = dict(zip(sources, report.targets_by_source.tolist(), strict=True))
    nats = dict(zip(sources, report.nats_by_source.tolist(), strict=True))
    record = {
        "step": report.state.step,
        "tokens": report.state.tokens,
        "loss": report.loss,
        **report.parts,
        "lr": report.lr,
        "grad_norm": report.grad_norm,
        **({"skipped": True} if report.skipped else {}),
        **speed,
        "loss_by_source": {name: nats[name] / count for name, count in counts.items() if count},
        "tokens_by_source": counts,
    }
    return record | dict(bits or {})


class MetricsLog:
    """Appends to OUT/metrics.jsonl. Opening it drops steps after `last_step`, because a resumed run writes them again.

    If the disk is full, the run continues: one warning is logged, and the lines are kept in memory and written again with the next one.
    """

    def __init__(self, out: Path, last_step: int) -> None:
        self._path = out / FILE
        refuse_foreign(out, [FILE])
        write_owned(self._path, "".join(_lines_until(self._path, last_step)).encode())
        self._file = self._path.open("ab", buffering=0)
        self._n_bytes = self._path.stat().st_size
        self._unwritten: list[bytes] = []

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one step's record."""
        self._unwritten.append((json.dumps(record) + "\n").encode())
        problem = self._write()
        if problem and len(self._unwritten) == 1:
            logging.warning("%s: cannot be written (%s); the run continues, and its lines are written when there is room", self._path, problem)

    def close(self) -> None:
        """Close the file. Logs a warning about lines that could not be written."""
        problem = self._write()
        if problem:
            logging.warning("%s: the last %d steps could not be written (%s)", self._path, len(self._unwritten), problem)
        self._file.close()

    def _write(self) -> str | None:
        """Write all pending lines or none; returns the reason if that failed."""
        try:
            data = b"".join(self._unwritten)
            written = 0
            while written < len(data):
                written += self._file.write(data[written:])
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._n_bytes)
            return error.strerror or str(error)
        self._n_bytes += len(data)
        self._unwritten = []
        return None


def _lines_until(path: Path, last_step: int) -> list[str]:
    """Complete lines of the steps up to `last_step`. Raises TrainError if steps are missing, so that a curve never has holes."""
    lines: list[str] = []
    if path.exists():
        with path.open(encoding="utf-8") as file:
            for line in file:
                if not line.endswith("\n") or _step_of(path, line, len(lines) + 1) > last_step:
                    break
                lines.append(line)
    if len(lines) != last_step:
        raise TrainError(f"{path}: holds {len(lines)} of the {last_step} steps before the checkpoint; restore the file, or train into another --out")
    return lines


def _step_of(path: Path, line: str, number: int) -> int:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        raise TrainError(f"{path}, line {number}: not JSON with a step; restore the file, or train into another --out") from None
