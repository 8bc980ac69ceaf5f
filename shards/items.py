"""Items of a task as JSON lines: the one file format of tasks that both the trainer and `evaluate tasks` read.

    {"id": "17", "context": "Q: What is 2 + 2?\\nA:", "choices": [" 3", " 4"], "gold": 1}
    {"context": "The capital of France is", "continuation": " Paris"}

`question` is another name of `context`, `answer` of `gold`. `gold` is the index of the right choice, counted from 0, or its text. `continuation`
stands for one choice, the right one. `id` is the number of the line where it is missing, and `group` names items that belong together (of one
passage), if any. Context and choice are scored exactly as they stand: a blank between them is part of one of them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shards.errors import CptkitError, ShardError

_REMEDY = "mend or remove this line"


@dataclass(frozen=True)
class TextItem:
    """One item: the text before the answer, at least one answer, and the index of the right one."""

    id: str
    context: str
    choices: tuple[str, ...]
    gold: int
    group: str | None = None

    @property
    def answer(self) -> str:
        """The right choice."""
        return self.choices[self.gold]


def read_items(path: Path, *, error: type[CptkitError] = ShardError) -> list[TextItem]:
    """All items of a file, in its order. Raises `error`, naming file and line, for an item without a right answer, an id that appears twice, and a file
    that is missing, empty or not UTF-8."""
    items: list[TextItem] = []
    lines_by_id: dict[str, int] = {}
    for number, line in _lines(Path(path), error):
        try:
            item = _item(json.loads(line), number)
        except (ValueError, RecursionError) as problem:
            raise error(f"{path}, line {number}: {problem}; {_REMEDY}") from None
        if item.id in lines_by_id:
            raise error(f"{path}, line {number}: the id {item.id!r} is also that of line {lines_by_id[item.id]}; give each item another id")
        lines_by_id[item.id] = number
        items.append(item)
    if not items:
        raise error(f"{path}: holds no items; write one JSON object a line, with context and continuation, or context, choices and gold")
    return items


def split_pair(context: str, continuation: str) -> tuple[str, str]:
    """The pair with blanks at the end of `context` moved to the continuation, as in lm-evaluation-harness: a tokenizer joins them with the next word."""
    head = context.rstrip()
    return head, context[len(head) :] + continuation


def _lines(path: Path, error: type[CptkitError]) -> Iterator[tuple[int, str]]:
    """Numbers, from 1, and texts of the lines that are not blank."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise error(f"{path}: no such file; give a file of items as JSON lines") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"{path}: cannot be read as UTF-8 text ({problem})") from None
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _item(values: Any, number: int) -> TextItem:
    if not isinstance(values, dict):
        raise ValueError(f"an item is a JSON object, this is {type(values).__name__}")
    context, group = _text(values, "context", "question"), values.get("group")
    choices = _choices(values)
    return TextItem(str(values.get("id", number)), context, choices, _gold(values, choices), None if group is None else str(group))


def _text(values: Mapping[str, Any], *names: str) -> str:
    found = [name for name in names if name in values]
    if len(found) != 1 or not isinstance(values[found[0]], str):
        raise ValueError(f"needs {' or '.join(names)} as text")
    text: str = values[found[0]]
    text.encode()  # raises UnicodeEncodeError, a ValueError, for an unpaired surrogate
    return text


def _choices(values: Mapping[str, Any]) -> tuple[str, ...]:
    if "continuation" in values:
        if "choices" in values:
            raise ValueError("has both choices and continuation, which is one choice; keep one of the two")
        choices: Any = [_text(values, "continuation")]
    else:
        choices = values.get("choices")
    if not isinstance(choices, list) or not choices:
        raise ValueError("needs continuation, or choices as a list of texts")
    for choice in choices:
        if not isinstance(choice, str) or not choice:
            raise ValueError(f"choices must be texts that are not empty, one is {choice!r}")
        choice.encode()
    return tuple(choices)


def _gold(values: Mapping[str, Any], choices: tuple[str, ...]) -> int:
    given = [name for name in ("gold", "answer") if name in values]
    if not given:
        if "continuation" in values:
            return 0
        raise ValueError("has no gold, the index of the right choice")
    if len(given) > 1:
        raise ValueError("has both gold and answer; keep one of the two")
    gold = values[given[0]]
    if isinstance(gold, str):
        if choices.count(gold) != 1:
            raise ValueError(f"{given[0]}: {gold!r} is not exactly one of the choices; give the index of the right one, counted from 0")
        return choices.index(gold)
    if type(gold) is not int or not 0 <= gold < len(choices):
        raise ValueError(f"{given[0]}: {gold!r} is no index of its {len(choices)} choices, counted from 0")
    return gold
