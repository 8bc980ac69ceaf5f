"""Benchmarks of many subjects, paradigms or languages, one file each: MMLU, BLiMP, XCOPA."""

import re
from collections.abc import Sequence
from pathlib import Path

from eval.errors import EvalError
from eval.tasks.items import Item
from eval.tasks.suites.contents import Contents
from eval.tasks.suites.discover import ROWS, split_files
from eval.tasks.suites.files import Row, read_rows, read_table, suffix_of

_LETTERS = ("A", "B", "C", "D")
_PASSAGE = "This question refers to the following information"
XCOPA_CONNECTORS = {
    "et": ("sest", "seetõttu"),
    "ht": ("poukisa", "donk sa"),
    "id": ("karena", "maka"),
    "it": ("perché", "quindi"),
    "qu": ("imataq", "chaymi"),
    "sw": ("kwa sababu", "kwa hiyo"),
    "ta": ("காரணமாக", "எனவே"),
    "th": ("เพราะ", "ดังนั้น"),
    "tr": ("çünkü", "bu yüzden"),
    "vi": ("bởi vì", "vì vậy"),
    "zh": ("因为", "所以"),
}
"""How each language says because and therefore, as in lm-evaluation-harness."""


def chosen(files: Sequence[tuple[str, Path]], only: Sequence[str], suite: str) -> list[tuple[str, Path]]:
    """Subtasks and files of those that `only` names, or all. Raises EvalError for a name that is not there."""
    missing = sorted(set(only) - {name for name, _ in files})
    if missing:
        there = ", ".join(sorted({name for name, _ in files})) or "none"
        raise EvalError(f"suite {suite}: nothing is called {', '.join(missing)}; its files have {there}")
    return [(name, file) for name, file in files if not only or name in only]


def read_mmlu(path: Path, only: Sequence[str]) -> list[Contents]:
    """MMLU: CSV files without a header, one a subject, or the copies on Hugging Face with columns question, subject, choices, answer.

    Questions on one passage, as in the history subjects, form a group. Examples are the first questions of the split dev.
    """
    scored = _mmlu_items(path, ["test"], only)
    if not scored:
        raise EvalError(f"suite mmlu: {path} has no files of the split test")
    descriptions: dict[str | None, str] = {}
    for item in scored:
        subject = (item.subtask or "").replace("_", " ")
        descriptions[item.subtask] = f"The following are multiple choice questions (with answers) about {subject}.\n\n"
    return [Contents(scored, lambda: [] if path.is_file() else _mmlu_items(path, ["dev"], only), in_order=True, descriptions=descriptions)]


def _mmlu_items(path: Path, splits: Sequence[str], only: Sequence[str]) -> list[Item]:
    files = split_files(path, splits, suffixes=(".csv", *ROWS), other_splits=False)
    whole = [file for file in files if "all" in file.relative_to(path).parts] if not path.is_file() else []
    named = [(_mmlu_subject(path, file), file) for file in whole or files]
    items: list[Item] = []
    if named and suffix_of(named[0][1]) == ".csv":
        for subject, file in chosen(named, only, "mmlu"):
            items += [_mmlu_item(subject, cells, where, number) for number, (where, cells) in enumerate(read_table(file, 6))]
        return items
    for subject, file in named:
        for number, row in enumerate(read_rows(file)):
            name = row.text("subject") if row.values.get("subject") else subject
            cells = [row.text("question"), *row.texts("choices")]
            if len(cells) != 5:
                raise row.problem(f"{len(cells) - 1} choices, expected 4")
            if not only or name in only:
                items.append(_mmlu_item(name, [*cells, _LETTERS[row.index("answer", 4)]], row.where, number))
    chosen([(item.subtask or "", path) for item in items], only, "mmlu")
    return items


def _mmlu_subject(path: Path, file: Path) -> str:
    """From `anatomy_test.csv`, or from the folder in `anatomy/test-00000-of-00001.parquet`."""
    stem = re.split(r"_(?:dev|test|val)\b", file.name.partition(".")[0])[0]
    return stem if suffix_of(file) == ".csv" else file.parent.name


def _mmlu_item(subject: str, cells: Sequence[str], where: str, number: int) -> Item:
    question, *choices, answer = cells
    if answer.strip() not in _LETTERS:
        raise EvalError(f"{where}: the right answer is {answer!r}, expected A, B, C or D")
    listed = "\n".join(f"{letter}. {choice}" for letter, choice in zip(_LETTERS, choices, strict=True))
    context = f"{question.strip()}\n{listed}\nAnswer:"
    group = question.strip().rpartition("\n")[0] if question.lstrip().startswith(_PASSAGE) else None
    return Item(f"{subject}-{number}", context, _LETTERS, _LETTERS.index(answer.strip()), group=group or None, subtask=subject)


def read_blimp(path: Path, only: Sequence[str]) -> list[Contents]:
    """BLiMP: pairs of a good and a bad sentence, 67 paradigms. The context is empty; the more likely sentence counts."""
    files = [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if suffix_of(file) in (".jsonl", ".parquet")]
    items: list[Item] = []
    for paradigm, file in chosen([(_paradigm(path, file), file) for file in files], only, "blimp"):
        for number, row in enumerate(read_rows(file)):
            sentences = (row.text("sentence_good"), row.text("sentence_bad"))
            items.append(Item(f"{paradigm}-{number}", "", sentences, 0, subtask=paradigm))
    return [Contents(items)]


def _paradigm(path: Path, file: Path) -> str:
    """From `causative.jsonl`, or from the folder in `causative/train-00000-of-00001.parquet`."""
    stem = file.name.partition(".")[0]
    return file.parent.name if re.match(r"(train|test|validation)\b", stem) and not path.is_file() else stem


def read_xcopa(path: Path, only: Sequence[str]) -> list[Contents]:
    """XCOPA: which sentence is the cause or the effect, 11 languages. The same question in several languages forms a group."""

    def items_of(split: str) -> list[Item]:
        files = split_files(path, [split], other_splits=False)
        items: list[Item] = []
        for language, file in chosen([(_language(path, file), file) for file in files], only, "xcopa"):
            items += [_xcopa_item(row, language, number) for number, row in enumerate(read_rows(file))]
        return items

    scored = items_of("test")
    if not scored:
        raise EvalError(f"suite xcopa: {path} has no files of the split test")
    return [Contents(scored, lambda: [] if path.is_file() else items_of("validation"))]


def _language(path: Path, file: Path) -> str:
    """From `test.et.jsonl`, or from the folder in `et/test-00000-of-00001.parquet`."""
    words = file.name.split(".")
    language = words[1] if len(words) > 2 and words[1] in XCOPA_CONNECTORS else file.parent.name
    if language not in XCOPA_CONNECTORS:
        raise EvalError(f"suite xcopa: {file} names no language of XCOPA; call it test.LANGUAGE.jsonl, with one of {', '.join(XCOPA_CONNECTORS)}")
    return language


def _xcopa_item(row: Row, language: str, number: int) -> Item:
    asked = row.text("question")
    if asked not in ("cause", "effect"):
        raise row.problem(f"question is {asked!r}, expected cause or effect")
    connector = XCOPA_CONNECTORS[language][asked == "effect"]
    choices = tuple(text[:1].lower() + text[1:] for text in (row.text("choice1"), row.text("choice2")))
    context = f"{row.text('premise').strip()[:-1]} {connector}"
    group = str(row.values.get("idx", number))
    return Item(f"{language}-{number}", context, choices, row.index("label", 2), group=group, subtask=language)
