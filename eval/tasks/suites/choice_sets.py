"""Benchmarks of one question and several answers in files with named columns: each function turns a published row into an item.

Contexts, choices and delimiters are those of the stock tasks of lm-evaluation-harness 0.4, so that numbers can be compared with published ones.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from eval.tasks.items import Item
from eval.tasks.suites.contents import Contents
from eval.tasks.suites.discover import ROWS, split_files
from eval.tasks.suites.files import Row, read_rows, read_text, suffix_of
from eval.tasks.suites.instructions import original
from shards.record import json_hash

ToItem = Callable[[Row, str], Item]


def reader(to_item: ToItem, splits: Sequence[str], *, pattern: str, accuracy: str = "acc") -> Callable[[Path, Sequence[str]], list[Contents]]:
    """The reader of a suite whose rows `to_item` turns into items; `splits` is the order in which the scored split is looked for."""

    def read(path: Path, only: Sequence[str]) -> list[Contents]:
        scored = split_files(path, splits, pattern=pattern)
        examples = [split for split in ("train", "validation") if split not in splits[:1]]
        others = [] if path.is_file() else split_files(path, examples, pattern=pattern, other_splits=False)
        others = [file for file in others if file not in scored]
        return [Contents(items_of(scored, to_item), lambda: items_of(others, to_item), accuracy=accuracy)]  # type: ignore[arg-type]

    return read


def items_of(files: Sequence[Path], to_item: ToItem) -> list[Item]:
    """Items of all rows, numbered through all files."""
    rows = [row for file in files for row in _with_labels(file)]
    return [to_item(original(row), str(number)) for number, row in enumerate(rows)]


def _with_labels(file: Path) -> list[Row]:
    """Rows with the column `label` from the file `…-labels.lst` beside, if there is one."""
    rows = list(read_rows(file))
    beside = file.with_name(f"{file.name.removesuffix(''.join(file.suffixes))}-labels.lst")
    if not beside.is_file() or "label" in rows[0].values:
        return rows
    labels = read_text(beside).split()
    if len(labels) != len(rows):
        raise rows[-1].problem(f"{len(rows):,} rows, but {beside} has {len(labels):,} labels; download both again")
    return [Row(dict(row.values) | {"label": label}, row.where) for row, label in zip(rows, labels, strict=True)]


def _question(row: Row, name: str) -> tuple[str, tuple[str, ...], int]:
    """Question, texts of the choices and index of the right one, in one of the two forms of AI2: `question: {stem, choices: [{text, label}]}`, or
    `choices: {text, label}`."""
    nested = row.inner("question") if isinstance(row.values.get("question"), dict) else None
    choices = nested.get("choices") if nested is not None else row.get("choices")
    if isinstance(choices, list):
        rows = [Row(choice if isinstance(choice, dict) else {}, f"{row.where}, choice {number}") for number, choice in enumerate(choices, 1)]
        texts, labels = tuple(choice.text("text") for choice in rows), tuple(choice.text("label") for choice in rows)
    else:
        inner = row.inner("choices")
        texts, labels = inner.texts("text"), inner.texts("label")
    key = row.text("answerKey").strip()
    if not key:
        raise row.problem("answerKey is hidden; the answers of this split are not published, use the validation split")
    if len(texts) != len(labels) or labels.count(key) != 1:
        raise row.problem(f"answerKey is {key!r}, the choices are labelled {', '.join(labels)}")
    return (nested.text("stem") if nested is not None else row.text(name)), texts, labels.index(key)


def _id(row: Row, number: str) -> str:
    return str(row.values.get("id") or number)


def arc(row: Row, number: str) -> Item:
    """AI2 Reasoning Challenge: as published by AI2, on Hugging Face, or in LLM-Adapters."""
    question, choices, gold = _question(row, "question")
    return Item(_id(row, number), f"Question: {question}\nAnswer:", choices, gold)


def openbookqa(row: Row, number: str) -> Item:
    """OpenBookQA: the question runs on into the answer."""
    question, choices, gold = _question(row, "question_stem" if "question_stem" in row else "question")
    return Item(_id(row, number), question, choices, gold)


def commonsense_qa(row: Row, number: str) -> Item:
    """CommonsenseQA: the choices stand in the question, and the answer is a letter."""
    question, choices, gold = _question(row, "question")
    letters = tuple("ABCDEFGH"[: len(choices)])
    listed = "\n".join(f"{letter}. {choice}" for letter, choice in zip(letters, choices, strict=True))
    return Item(_id(row, number), f"Question: {question.strip()}\n{listed}\nAnswer:", letters, gold)


def hellaswag(row: Row, number: str) -> Item:
    """HellaSwag, cleaned as its authors' successors do: markers in brackets removed, the second part of the context capitalised."""
    endings = row.texts("endings")
    context = f"{row.text('activity_label')}: {row.text('ctx_a')} {row.text('ctx_b').capitalize()}"
    gold = row.index("label", len(endings))
    group = str(row.values["source_id"]) if "source_id" in row else None
    return Item(number, clean_hellaswag(context), tuple(clean_hellaswag(ending) for ending in endings), gold, group=group)


def clean_hellaswag(text: str) -> str:
    """Text without the markers that the WikiHow part of HellaSwag has."""
    text = text.strip().replace(" [title]", ". ")
    return re.sub(r"\[.*?\]", "", text).replace("  ", " ")


def piqa(row: Row, number: str) -> Item:
    """PIQA; questions with the same goal form a group."""
    if "choices" in row:
        goal, choices, gold = _question(row, "question")
    else:
        goal, choices = row.text("goal"), (row.text("sol1"), row.text("sol2"))
        gold = row.index("label", 2)
    return Item(number, f"Question: {goal}\nAnswer:", choices, gold, group=goal)


def social_iqa(row: Row, number: str) -> Item:
    """Social IQa; questions on the same situation form a group."""
    if "choices" in row:
        question, choices, gold = _question(row, "question")
        return Item(number, f"Q: {question}\nA:", choices, gold)
    choices = (row.text("answerA"), row.text("answerB"), row.text("answerC"))
    situation = row.text("context")
    return Item(number, f"Q: {situation} {row.text('question')}\nA:", choices, row.index("label", 3, first=1), group=situation)


def boolq(row: Row, number: str) -> Item:
    """BoolQ, original (`answer`) or as in SuperGLUE (`label`). Questions on one passage form a group. Copies without passages give the question alone."""
    key = "answer" if "answer" in row else "label"
    passage = row.text("passage") if "passage" in row else None
    asked = f"Question: {row.text('question')}?\nAnswer:"
    group = json_hash(passage) if passage is not None else None
    return Item(number, asked if passage is None else f"{passage}\n{asked}", ("no", "yes"), row.index(key, 2), group=group)


def sciq(row: Row, number: str) -> Item:
    """SciQ: the supporting passage, then the question; the right answer is the last choice."""
    choices = (row.text("distractor1"), row.text("distractor2"), row.text("distractor3"), row.text("correct_answer"))
    return Item(number, f"{row.text('support').lstrip()}\nQuestion: {row.text('question')}\nAnswer:", choices, 3)


def winogrande(row: Row, number: str) -> Item:
    """WinoGrande: each option fills the blank, and the rest of the sentence is scored. The two sentences of a twin pair form a group."""
    if "choices" in row:
        sentence, options, gold = _question(row, "question")
    else:
        sentence, options = row.text("sentence"), (row.text("option1"), row.text("option2"))
        gold = row.index("answer" if "answer" in row else "label", 2, first=1)
    before, blank, after = sentence.partition("_")
    if not blank:
        raise row.problem("its sentence has no blank (_)")
    twins = str(row.values["qID"]).rpartition("-")[0] if "qID" in row else None
    contexts = tuple(before + option for option in options)
    return Item(number, "", (after.strip(),) * 2, gold, contexts=contexts, group=twins or None)


def hellaswag_lines(path: Path) -> list[Item]:
    """HellaSwag as text: six lines an item (context, number of the right ending, four endings)."""
    lines = read_text(path).rstrip("\n").split("\n")
    items = []
    for start in range(0, len(lines), 6):
        context, label, *endings = lines[start : start + 6]
        row = Row({"label": label, "endings": endings}, f"{path}, line {start + 1}")
        if len(endings) != 4:
            raise row.problem(f"{len(endings)} endings, expected 4; the file may be cut short, download it again")
        items.append(Item(str(start // 6), clean_hellaswag(context), tuple(clean_hellaswag(ending) for ending in endings), row.index("label", 4)))
    return items


def read_hellaswag(path: Path, only: Sequence[str]) -> list[Contents]:
    """HellaSwag in files with named columns or as text."""
    files = split_files(path, ["validation"], suffixes=(*ROWS, ".txt"), pattern="hella")
    if files and suffix_of(files[0]) == ".txt":
        return [Contents([item for file in files for item in hellaswag_lines(file)], accuracy="acc_norm")]
    return reader(hellaswag, ("validation",), pattern="hella", accuracy="acc_norm")(path, only)
