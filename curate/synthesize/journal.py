"""Answers on disk: one checksummed line each, appended as they come, never changed.

A line is 16 hexadecimal digits (xxh3-64 of the rest), a blank, and a JSON object: the fields of `Answer` that are not empty.
A kill can only tear the last line; a torn or damaged line counts as not written, and appending goes on after a line break.
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
"""`Shard.journal_name`: where its documents lie, and the number of the first."""
_FIELDS = frozenset(Answer.__dataclass_fields__)


def journals(folder: Path) -> list[Path]:
    """The journals in a folder, by name. Other files of that suffix are somebody else's."""
    return sorted(path for path in Path(folder).glob("*.jsonl") if _NAMES.fullmatch(path.name))


class Journal:
    """The answers of one shard, found by key. Memory: about 200 bytes an answer; texts stay on disk.

    One process may append at a time. `append` hands the line to the system at once, so a killed process loses nothing it was given;
    `sync` makes it safe from a power cut too.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._places: dict[bytes, tuple[int, int]] = {}
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
        return bytes.fromhex(key) in self._places

    def __len__(self) -> int:
        return len(self._places)

    @property
    def unsynced(self) -> int:
        """Lines appended since the last `sync`."""
        return self._unsynced

    def append(self, answer: Answer) -> None:
        """Keep an answer. One for a key that has one already is not written again."""
        if answer.key not in self:
            place = self._write({name: value for name, value in asdict(answer).items() if value})
            self._places[bytes.fromhex(answer.key)] = place

    def get(self, key: str) -> Answer | None:
        """The answer to a request, or None."""
        place = self._places.get(bytes.fromhex(key))
        if place is None:
            return None
        record = _record(os.pread(self._file, place[1], place[0]))
        return None if record is None else Answer(**record)

    def answers(self) -> Iterator[Answer]:
        """All answers in the order in which they came."""
        for key in list(self._places):
            answer = self.get(key.hex())
            if answer is not None:
                yield answer

    def sync(self) -> None:
        """Wait until the disk has it all. May run in another thread than `append`."""
        self._unsynced = 0
        with as_shard_error(self.path):
            os.fsync(self._file)

    def close(self) -> None:
        """Sync and close."""
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
        place = (self._end, len(line) - 1)
        self._end += len(line)
        self._unsynced += 1
        return place

    def _lock(self) -> None:
        """For this process alone, until it ends: a worker may outlive the command that started it."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise CurateError(f"{self.path}: a process of an earlier run still writes to it; wait until it ends, or end it, and run again") from None

    def _load(self) -> None:
        torn = False
        with self.path.open("rb") as handle:
            for line in handle:
                record = _record(line)
                if record is None:
                    self.n_damaged += 1
                else:
                    self._places.setdefault(bytes.fromhex(record["key"]), (self._end, len(line.rstrip(b"\n"))))
                self._end += len(line)
                torn = not line.endswith(b"\n")
        if torn:
            with as_shard_error(self.path):
                os.write(self._file, b"\n")
            self._end += 1


def read_journal(path: Path) -> Iterator[Answer]:
    """Answers of a journal that may be in use, without touching it; damaged lines are passed over."""
    seen: set[str] = set()
    with Path(path).open("rb") as handle:
        for line in handle:
            record = _record(line)
            if record and record["key"] not in seen:
                seen.add(record["key"])
                yield Answer(**record)


def _line(record: dict[str, Any]) -> bytes:
    # Half a surrogate pair, which JSON may hold and UTF-8 not, becomes a question mark.
    body = canonical_json(record).encode("utf-8", "replace")
    return xxhash.xxh3_64_hexdigest(body).encode() + b" " + body + b"\n"


def _record(line: bytes) -> dict[str, Any] | None:
    digest, body = line[:_DIGEST_CHARS], line[_DIGEST_CHARS + 1 :].rstrip(b"\n")
    if not body or xxhash.xxh3_64_hexdigest(body).encode() != digest:
        return None
    return {name: value for name, value in json.loads(body).items() if name in _FIELDS}
