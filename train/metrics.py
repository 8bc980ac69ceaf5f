"""What a run tells while it runs: `metrics.jsonl`, one object a step, and TensorBoard."""

import json
from pathlib import Path
from typing import Any

from shards.manifest import write_atomically
from train.errors import TrainError
from train.loop import StepReport

FILE = "metrics.jsonl"


def step_record(report: StepReport, sources: list[str], bits_per_byte: dict[str, float] | None = None) -> dict[str, Any]:
    """One line of metrics.jsonl. A source without targets in this step is left out of `loss_by_source`; `bits_per_byte` is
    there on steps that were evaluated."""
    counts = dict(zip(sources, report.targets_by_source.tolist(), strict=True))
    nats = dict(zip(sources, report.nats_by_source.tolist(), strict=True))
    record = {
        "step": report.state.step,
        "tokens": report.state.tokens,
        "loss": report.loss,
        **report.parts,
        "lr": report.lr,
        "grad_norm": report.grad_norm,
        "tokens_per_second": round(report.n_tokens / report.seconds, 1),
        "loss_by_source": {name: nats[name] / count for name, count in counts.items() if count},
        "tokens_by_source": counts,
    }
    return record | ({"bits_per_byte": bits_per_byte} if bits_per_byte is not None else {})


class MetricsLog:
    """Appends to OUT/metrics.jsonl and OUT/tensorboard. Opening it forgets steps after `last_step`: a resumed run writes them again."""

    def __init__(self, out: Path, last_step: int, *, tensorboard: bool) -> None:
        path = out / FILE
        write_atomically(path, "".join(_lines_until(path, last_step)).encode())
        self._file = path.open("a", encoding="utf-8")
        self._board = _open_board(out / "tensorboard", last_step) if tensorboard else None

    def write(self, record: dict[str, Any]) -> None:
        """Append one step's record."""
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()
        if self._board is None:
            return
        for name, value in record.items():
            if isinstance(value, dict):
                for source, one in value.items():
                    self._board.add_scalar(f"{name}/{source}", one, record["step"])
            elif name != "step":
                self._board.add_scalar(name, value, record["step"])

    def close(self) -> None:
        """Close both."""
        self._file.close()
        if self._board is not None:
            self._board.close()


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


def _open_board(folder: Path, last_step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise TrainError("log.tensorboard: the tensorboard package is not installed; pip install 'cptkit[train]', or set log.tensorboard: false") from None
    return SummaryWriter(str(folder), purge_step=last_step + 1)
