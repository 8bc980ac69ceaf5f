"""Answers on disk: one checksummed line each, appended on arrival and never changed.

A line is 16 hexadecimal digits (xxh3-64 of the rest), a blank, and a JSON object: the fields of `Answer` that are not empty.
A kill can only truncate the last line. A truncated or damaged line counts as not written; appending continues after a line break.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import xxhash

from curate.errors import CurateError
from curate.synthesize.generators.base import Answer
from shards.atomic import as_shard_error, sync_folder
from shards.record import canonical_json

_DIGEST_CHARS = 16
_NAMES = re.compile(r"[A-Za-z0-9_.-]+-\d{9,}\.jsonl")
"""`Shard.journal_name`: location of the documents and row of the first one."""
_FIELDS = frozenset(Answer.__dataclass_fields__)


def journals(folder: Path) -> list[Path]:
    """The journals in a folder, sorted by name. Other files with that suffix are not ours."""
    return sorted(path for path in Path(folder).glob("*.jsonl") if _NAMES.fullmatch(path.name))


class Journal:
    """The answers of one shard, by key. Memory: about 200 bytes per answer; texts stay on disk.

    One process may append at a time. `append` passes the line to the operating system at once, so a killed process loses no answer;
    `sync` also protects against a power failure. Raises CurateError if another process has the journal open.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._positions: dict[bytes, tuple[int, int]] = {}
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._lock()
        self._end = 0
        self.n_damaged = 0
        self._unsynced = 0
        self._load()
        sync_folder(self.path.parent)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __contains__(self, key: str) -> bool:
        return bytes.fromhex(key) in self._positions

    def __len__(self) -> int:
        return len(self._positions)

    @property
    def unsynced(self) -> int:
        """Lines appended since the last `sync`."""
        return self._unsynced

    def append(self, answer: Answer) -> None:
        """Write an answer, unless its key has one already."""
        if answer.key not in self:
            self._positions[bytes.fromhex(answer.key)] = self._write({name: value for name, value in asdict(answer).items() if value})

    def get(self, key: str) -> Answer | None:
        """The answer to a request, or None."""
        position = self._positions.get(bytes.fromhex(key))
        if position is None:
            return None
        offset, size = position
        record = _record(os.pread(self._file, size, offset))
        return None if record is None else Answer(**record)

    def answers(self) -> Iterator[Answer]:
        """All answers in the order of arrival."""
        for key in list(self._positions):
            answer = self.get(key.hex())
            if answer is not None:
                yield answer

    def sync(self) -> None:
        """Wait until all lines are on disk. May run in another thread than `append`."""
        self._unsynced = 0
        with as_shard_error(self.path):
            os.fsync(self._file)

    def close(self) -> None:
        """Sync, then close the file; a second call does nothing."""
        if self._file >= 0:
            self.sync()
            os.close(self._file)
            self._file = -1

    def _write(self, record: dict[str, Any]) -> tuple[int, int]:
        line = _line(record)
        with as_shard_error(self.path):
            written = os.write(self._file, line)
            while written < len(line):
                written += os.write(self._file, line[written:])
        position = (self._end, len(line) - 1)
        self._end += len(line)
        self._unsynced += 1
        return position

    def _lock(self) -> None:
        """Lock the file until this process ends, since a worker can outlive the command that started it."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise CurateError(f"{self.path}: a process of an earlier run still writes to it; wait until it ends, or end it, and rerun") from None

    def _load(self) -> None:
        truncated = False
        with self.path.open("rb") as handle:
            for line in handle:
                record = _record(line)
                if record is None:
                    self.n_damaged += 1
                else:
                    self._positions.setdefault(bytes.fromhex(record["key"]), (self._end, len(line.rstrip(b"\n"))))
                self._end += len(line)
                truncated = not line.endswith(b"\n")
        if truncated:
            with as_shard_error(self.path):
                os.write(self._file, b"\n")
            self._end += 1


def read_journal(path: Path) -> Iterator[Answer]:
    """Answers of a journal, read without changing it even if it is in use; damaged lines are skipped."""
    seen: set[str] = set()
    with Path(path).open("rb") as handle:
        for line in handle:
            record = _record(line)
            if record and record["key"] not in seen:
                seen.add(record["key"])
                yield Answer(**record)


def _line(record: dict[str, Any]) -> bytes:
    # Lone surrogates are valid in JSON but not in UTF-8; they become question marks.
    body = canonical_json(record).encode("utf-8", "replace")
    return xxhash.xxh3_64_hexdigest(body).encode() + b" " + body + b"\n"


def _record(line: bytes) -> dict[str, Any] | None:
    digest, body = line[:_DIGEST_CHARS], line[_DIGEST_CHARS + 1 :].rstrip(b"\n")
    if not body or xxhash.xxh3_64_hexdigest(body).encode() != digest:
        return None
    return {name: value for name, value in json.loads(body).items() if name in _FIELDS}
