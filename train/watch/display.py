"""Progress of a run for the user: a bar and a table by source on a terminal, else a log line every few seconds."""

import datetime
import logging
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from shards import console
from shards.printable import printable_line

_LOG_SECONDS = 10.0
_RECENT_STEPS = 32


class Display:
    """Shows records of metrics.jsonl. Losses are means over all targets since the last log line, so that no step is skipped;
    scores are logged once, with their step."""

    def __init__(self, n_steps: int, first_step: int = 0, terminal: Console | None = None) -> None:
        self.n_steps, self.step = n_steps, first_step
        self._terminal = terminal if terminal is not None else Console(stderr=True)
        self._live: Live | None = None
        self._bar = Progress(TextColumn("train"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[figures]}"), TimeElapsedColumn())
        self._task = self._bar.add_task("train", total=n_steps, completed=first_step, figures="")
        self._clock: deque[tuple[int, float]] = deque([(first_step, time.monotonic())], maxlen=_RECENT_STEPS)
        self._logged = time.monotonic()
        self._skipped = 0
        self._scores: Mapping[str, float] = {}
        self._scored = 0
        self._reset()

    def __enter__(self) -> "Display":
        if self._terminal.is_terminal and not console.is_quiet():
            self._live = Live(self._bar, console=self._terminal, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, record: Mapping[str, Any]) -> None:
        """Show the record of a step."""
        self.step = record["step"]
        self._clock.append((self.step, time.monotonic()))
        self._skipped += bool(record.get("skipped"))
        scores = {**record.get("bits_per_byte", {}), **{f"answers of {task}": bits for task, bits in record.get("answer_bits", {}).items()}}
        if scores:
            self._scores, self._scored = scores, self.step
            self._is_scored = True
        for name, count in record["tokens_by_source"].items():
            nats, targets = self._sums.get(name, (0.0, 0))
            self._sums[name] = (nats + record["loss_by_source"].get(name, 0.0) * count, targets + count)
        if self._live is not None:
            self._bar.update(self._task, completed=self.step, figures=f"{self._figures(record)}  {self.time_left()} left")
            self._live.update(Group(self._bar, self._by_source()))
        elif not console.is_quiet() and time.monotonic() - self._logged > _LOG_SECONDS:
            logging.info("step %s of %s, loss %s, %s, %s left", f"{self.step:,}", f"{self.n_steps:,}", self._losses(), self._figures(record), self.time_left())
            self._reset()

    def time_left(self) -> str:
        """Estimated time for the remaining steps as h:mm:ss, at the speed of the latest steps; `?` before the first step."""
        (first, began), (last, ended) = self._clock[0], self._clock[-1]
        if last == first:
            return "?"
        return str(datetime.timedelta(seconds=round((self.n_steps - last) * (ended - began) / (last - first))))

    def _figures(self, record: Mapping[str, Any]) -> str:
        figures = [f"lr {record['lr']:.2e}", f"grad {record['grad_norm']:.2f}", f"{record['tokens_per_second']:,.0f} tok/s"]
        if "mfu" in record:
            figures.append(f"MFU {record['mfu']:.1%} ({record['mfu_causal']:.1%} causal)")
        if "memory_gib" in record:
            figures.append(f"{record['memory_gib']:.1f} GiB")
        if self._skipped:
            figures.append(f"{self._skipped} skipped")
        return "  ".join(figures)

    def _losses(self) -> str:
        total, targets = (sum(values) for values in zip(*self._sums.values(), strict=True))
        by_source = [f"{name} {nats / count:.3f}" for name, (nats, count) in self._sums.items() if count]
        mean = f"{total / targets:.3f}" if targets else "?"
        scores = "".join(f", {name} {score:.4f} bits per byte at step {self._scored:,}" for name, score in self._scores.items() if self._is_scored)
        return (f"{mean} ({', '.join(by_source)})" if len(by_source) > 1 else mean) + scores

    def _by_source(self) -> Table | Text:
        table = Table(box=None, pad_edge=False)
        for name, justify in (("source", "left"), ("loss", "right"), ("targets", "right")):
            table.add_column(name, justify=justify)  # type: ignore[arg-type]
        for name, (nats, count) in self._sums.items():
            table.add_row(Text(printable_line(name)), f"{nats / count:.4f}" if count else "", f"{count:,}")
        for name, score in self._scores.items():
            table.add_row(Text(printable_line(f"{name} (held out, step {self._scored:,})")), f"{score:.4f} bpb", "")
        return table

    def _reset(self) -> None:
        """Start new sums after a log line."""
        self._logged = time.monotonic()
        self._sums: dict[str, tuple[float, int]] = {}
        self._is_scored = False
