"""`metrics.jsonl`: one JSON object a step, and the record that it and all trackers are given."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shards.folder import refuse_foreign, write_owned
from train.errors import TrainError
from train.loop import StepReport

FILE = "metrics.jsonl"


def step_record(report: StepReport, sources: list[str], speed: Mapping[str, float], bits: Mapping[str, Mapping[str, float]] | None = None) -> dict[str, Any]:
    """One line of metrics.jsonl. `speed`: figures of throughput. A source without targets in this step is left out of `loss_by_source`;
    `skipped` is there where the step was; `bits` are scores by domain under the names they are told by, on steps that were evaluated."""
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
    """Appends to OUT/metrics.jsonl. Opening it forgets steps after `last_step`: a resumed run writes them again."""

    def __init__(self, out: Path, last_step: int) -> None:
        path = out / FILE
        refuse_foreign(out, [FILE])
        write_owned(path, "".join(_lines_until(path, last_step)).encode())
        self._file = path.open("a", encoding="utf-8")

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one step's record."""
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _lines_until(path: Path, last_step: int) -> list[str]:
    """Whole lines of steps up to `last_step`. Raises TrainError if there is a gap, so that a curve never has holes."""
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
