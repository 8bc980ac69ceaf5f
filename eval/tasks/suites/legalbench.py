"""LegalBench: one folder a task, with the prompt that its authors wrote (`base_prompt.txt`), `train.tsv` and, from Hugging Face, `test.tsv`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.errors import EvalError
from eval.tasks.items import Item
from eval.tasks.suites.by_subtask import chosen
from eval.tasks.suites.contents import Contents
from eval.tasks.suites.files import Row, read_rows, read_text

OPEN_TASKS = (
    "citation_prediction_open",
    "definition_extraction",
    "rule_qa",
    "sara_numeric",
    "ssla_company_defendants",
    "ssla_individual_defendants",
    "ssla_plaintiff",
    "successor_liability",
)
"""Tasks whose answers are free text or lists, so that only bits of the right answer can be scored."""
_SLOT = re.compile(r"\{\{([^{}]+)\}\}")


@dataclass(frozen=True)
class _Prompt:
    """`instruction`, then worked examples, then the question with slots for columns."""

    instruction: str
    examples: str
    question: str

    def filled(self, row: Row, *, with_examples: bool) -> str:
        question = _SLOT.sub(lambda slot: row.text(slot[1].strip()).strip(), self.question)
        return self.instruction + (self.examples if with_examples else "") + question


def read_legalbench(path: Path, only: Sequence[str]) -> list[Contents]:
    """Two tasks: questions with a few possible answers, which are those that its rows give, and open ones (`open`), also where all rows have one answer.

    With `test.tsv`, its rows are scored with the worked examples of the prompt. Without it, the rows of `train.tsv` are, without examples: the prompt's
    examples are these rows.
    """
    folders = [file.parent for file in sorted(path.rglob("base_prompt.txt"))]
    by_name = chosen([(folder.name, folder) for folder in folders], only, "legalbench")
    if not by_name:
        raise EvalError(f"suite legalbench: {path} has no folder with base_prompt.txt")
    closed: list[Item] = []
    open_ended: list[Item] = []
    shots = 0
    for name, folder in by_name:
        tested = (folder / "test.tsv").is_file()
        items = _items(name, folder, tested=tested)
        (closed if items and len(items[0].choices) > 1 else open_ended).extend(items)
        shots = max(shots, len(_rows(folder / "train.tsv")) if tested else 0)
    found = [Contents(closed, kind="choice", shots=shots), Contents(open_ended, kind="continuation", name="open", shots=shots)]
    return [contents for contents in found if contents.items]


def _rows(file: Path) -> list[Row]:
    return list(read_rows(file)) if file.is_file() else []


def _items(name: str, folder: Path, *, tested: bool) -> list[Item]:
    train = _rows(folder / "train.tsv")
    rows = _rows(folder / "test.tsv") if tested else train
    prompt = _parse(read_text(folder / "base_prompt.txt"), folder / "base_prompt.txt") if rows else None
    labels = tuple(sorted({row.text("answer").strip() for row in [*train, *rows]}))
    items = []
    for number, row in enumerate(rows):
        assert prompt is not None
        answer = row.text("answer").strip()
        choices = (answer,) if name in OPEN_TASKS or len(labels) < 2 else labels
        items.append(Item(f"{name}-{number}", prompt.filled(row, with_examples=tested), choices, choices.index(answer), subtask=name))
    return items


def _parse(text: str, file: Path) -> _Prompt:
    """The question is the last paragraph with slots. Examples begin at the first earlier paragraph that has the question's first or last line."""
    slot = _SLOT.search(text)
    if slot is None:
        raise EvalError(f"{file}: has no slot {{{{…}}}} for the question; download it again")
    start = text.rfind("\n\n", 0, slot.start())
    start = 0 if start < 0 else start + 2
    question = text[start:].rstrip()
    marks = [mark for mark in (text[start : slot.start()].strip(), question.split("\n")[-1].strip()) if mark and "{{" not in mark]
    paragraphs = re.split(r"(?<=\n\n)", text[:start])
    first = next((number for number, paragraph in enumerate(paragraphs) if any(_begins_line(paragraph, mark) for mark in marks)), len(paragraphs))
    return _Prompt("".join(paragraphs[:first]), "".join(paragraphs[first:]), question)


def _begins_line(paragraph: str, mark: str) -> bool:
    return any(line.startswith(mark) for line in paragraph.split("\n"))
