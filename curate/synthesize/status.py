"""Progress of running shards: each writes its counts to a small file, so that any number of processes on any machine can be followed."""

import json
import logging
import os
import re
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from shards.console import Meter

_SECONDS = 1.0
_RETRIED = "retried: "
_FILES = re.compile(r"\d{5,}\.(json|\d+\.tmp)")


class Status:
    """Counts of one shard, written to `path` about once a second. Also the `RetryListener` of its generator."""

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        self._written = 0.0
        self.counts: Counter[str] = Counter()
        self.problems: Counter[str] = Counter()
        """Retries, failures and unparsed answers of this process, by reason."""

    def add(self, **amounts: float) -> None:
        """Count documents, answers, prompt_tokens, completion_tokens, spend, …"""
        self.counts.update(amounts)  # type: ignore[arg-type]
        self._write_if_due()

    def problem(self, reason: str) -> None:
        """Count a failure by its reason."""
        self.problems[reason] += 1
        self._write_if_due()

    def retried(self, reason: str) -> None:
        """See `RetryListener`."""
        self.problem(f"{_RETRIED}{reason}")

    def write(self) -> None:
        """Write the file. It is only for display: it is not synced, and a full disk is ignored here because other writers report it."""
        temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps({"counts": self.counts, "problems": self.problems}))
            os.replace(temporary, self._path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
        self._written = time.monotonic()

    def _write_if_due(self) -> None:
        if time.monotonic() - self._written > _SECONDS:
            self.write()


class Board:
    """Reads the status files of all shards and updates a progress bar. Use as a context manager."""

    def __init__(self, folder: Path, meter: Meter) -> None:
        self._folder, self._meter = Path(folder), meter
        self._seen: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "Board":
        self._folder.mkdir(parents=True, exist_ok=True)
        _delete_files(self._folder)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._update()
        problems = self.totals()[1]
        if problems:
            logging.info("%s", ", ".join(f"{reason} {n:,}" for reason, n in problems.most_common()))

    def totals(self) -> tuple[Counter[str], Counter[str]]:
        """Counts and problems summed over all shards of this run."""
        counts: Counter[str] = Counter()
        problems: Counter[str] = Counter()
        for path in (path for path in self._folder.glob("*.json") if _FILES.fullmatch(path.name)):
            status = _read(path)
            counts.update(status.get("counts", {}))
            problems.update(status.get("problems", {}))
        return counts, problems

    def _follow(self) -> None:
        while not self._stop.wait(_SECONDS):
            self._update()

    def _update(self) -> None:
        counts, problems = self.totals()
        new = {name: counts[name] - self._seen[name] for name in counts}
        self._seen = counts
        self._meter.describe(describe(counts, problems))
        amounts = {"answers": new.get("answers", 0), "tokens": new.get("completion_tokens", 0)} if counts["answers"] else {}
        self._meter.advance(int(new.get("documents", 0)), **amounts)


def remove_board(folder: Path) -> None:
    """Delete the status files in `folder`, and the folder if it is empty then."""
    _delete_files(folder)
    with suppress(OSError):
        folder.rmdir()


def _delete_files(folder: Path) -> None:
    for path in folder.glob("*"):
        if _FILES.fullmatch(path.name):
            path.unlink(missing_ok=True)


def describe(counts: Counter[str], problems: Counter[str]) -> str:
    """Short text for the progress bar: `synthesizing  spent 0.31  retried 40  no_match 12`."""
    retried = sum(n for reason, n in problems.items() if reason.startswith(_RETRIED))
    failed = [(reason.removeprefix("parser: "), n) for reason, n in problems.most_common() if not reason.startswith(_RETRIED)]
    parts = ["synthesizing"] + ([f"spent {counts['spend']:,.3g}"] if counts["spend"] else []) + ([f"retried {retried:,}"] if retried else [])
    return "  ".join([*parts, *(f"{reason} {n:,}" for reason, n in failed[:2])])


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
