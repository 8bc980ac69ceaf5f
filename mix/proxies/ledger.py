"""`ledger.json`: the state of every run of an output folder, shared by all processes that run them.

It is replaced as a whole under the lock of the folder `runs`, so that a kill leaves the old or the new content, and no process overwrites another's
entry. Runs of earlier recipes stay in it: they are evidence, too.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mix.errors import MixError
from shards.folder import write_owned
from shards.lock import folder_lock
from shards.names import Checksum, Count, FileName
from shards.record import read_record, sealed

FILE = "ledger.json"
VERSION = 1

Status = Literal["planned", "running", "done", "failed"]


class Entry(BaseModel):
    """The state of one run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["trained", "merged", "confirmation"]
    shares: dict[str, float]
    tokens: Count
    """Tokens that it trains on; 0 if it is merged."""
    keys: dict[str, Checksum]
    """What the result of each step depends on, as planned last."""
    status: Status = "planned"
    step: str | None = None
    """The step that runs, or the one that failed."""
    begun: dict[str, Checksum] = {}
    """Key of each step when it was last started: what its output folder belongs to."""
    done: dict[str, Checksum] = {}
    """Key of each finished step when it was done."""
    seconds: dict[str, float] = {}
    """Seconds of each finished step."""
    starts: Count = 0
    """How often it was started; hours are measured on runs that were started once."""
    error: str | None = None
    """Last line of what the failed step printed."""


class _Ledger(BaseModel):
    """Bounds of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    runs: dict[FileName, Entry]


class Ledger:
    """The ledger of an output folder. Every change reads, changes and replaces the file under its lock."""

    def __init__(self, out: Path) -> None:
        self._path, self._lock_folder = out / FILE, out / "runs"

    def read(self) -> dict[str, Entry]:
        """Entries by name of the run; empty if there is no file. Raises MixError if it is damaged."""
        try:
            remedy = "restore it, or delete it: the commands of all runs are then run again, and find what is finished"
            return dict(read_record(self._path, _Ledger, error=MixError, remedy=remedy, version=("version", VERSION)).runs)
        except FileNotFoundError:
            return {}

    def add(self, entries: dict[str, Entry]) -> dict[str, Entry]:
        """Enter planned runs; those that are known keep their state and get the planned keys. Returns all entries."""

        def change(known: dict[str, Entry]) -> None:
            for name, entry in entries.items():
                old = known.get(name)
                if old is None:
                    known[name] = entry
                else:
                    status = "planned" if old.status == "done" and old.done != entry.keys else old.status
                    known[name] = old.model_copy(update={key: getattr(entry, key) for key in _PLANNED} | {"status": status})

        return self._change(change)

    def update(self, name: str, **changes: object) -> Entry:
        """Change some fields of one entry, and return it."""

        def change(known: dict[str, Entry]) -> None:
            known[name] = known[name].model_copy(update=changes)

        return self._change(change)[name]

    def _change(self, change: Callable[[dict[str, Entry]], None]) -> dict[str, Entry]:
        with self._locked():
            known = self.read()
            before = dict(known)
            change(known)
            known = dict(sorted(known.items()))
            if known != before or not self._path.exists():
                write_owned(self._path, sealed({"version": VERSION, "runs": {name: entry.model_dump(mode="json") for name, entry in known.items()}}))
            return known

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with folder_lock(self._lock_folder, wait=True):
            yield


_PLANNED = ("kind", "shares", "tokens", "keys")
"""Fields of an entry that planning decides; the others are the state of the run."""
