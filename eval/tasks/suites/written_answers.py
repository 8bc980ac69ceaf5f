"""Benchmarks whose answer is written out: GSM8K, MGSM, LAMBADA, HumanEval; and PubMedQA, which answers yes, no or maybe."""

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.errors import EvalError
from eval.tasks.items import Item
from eval.tasks.suites.by_subtask import chosen
from eval.tasks.suites.contents import Contents
from eval.tasks.suites.discover import ROWS, split_files
from eval.tasks.suites.files import Row, read_json, read_rows, read_table, read_text, suffix_of

_NUMBER = r"(-?[$0-9.,]{2,})|(-?[0-9]+)"
GSM8K_GENERATION: Mapping[str, Any] = {
    "generation_kwargs": {"until": ["Question:", "</s>", "<|im_end|>"], "do_sample": False, "temperature": 0.0},
    "filter_list": [
        {"name": "strict-match", "filter": [{"function": "regex", "regex_pattern": r"#### (\-?[0-9\.\,]+)"}, {"function": "take_first"}]},
        {"name": "flexible-extract", "filter": [{"function": "regex", "group_select": -1, "regex_pattern": _NUMBER}, {"function": "take_first"}]},
    ],
    "metric_list": [
        {
            "metric": "exact_match",
            "aggregation": "mean",
            "higher_is_better": True,
            "ignore_case": True,
            "ignore_punctuation": False,
            "regexes_to_ignore": [",", r"\$", r"(?s).*#### ", r"\.$"],
        }
    ],
}
"""Generation, filters and metric of the harness's task gsm8k, version 3."""
MGSM_WORDS = {
    "bn": ("প্রশ্ন: ", "Answer:"),
    "de": ("Frage: ", "Antwort:"),
    "en": ("Question: ", "Answer:"),
    "es": ("Pregunta: ", "Respuesta:"),
    "fr": ("Question : ", "Réponse :"),
    "ja": ("問題： ", "Answer:"),
    "ru": ("Задача: ", "Answer:"),
    "sw": ("Swali: ", "Answer:"),
    "te": ("ప్రశ్న: ", "Answer:"),
    "th": ("โจทย์: ", "Answer:"),
    "zh": ("问题： ", "Answer:"),
}
"""What stands before question and answer in the harness's tasks mgsm_direct, by language."""
_DECISIONS = ("yes", "no", "maybe")


def read_gsm8k(path: Path, only: Sequence[str]) -> list[Contents]:
    """GSM8K: the model writes a solution, whose number is compared; bits are those of the published solution."""

    def items(files: Sequence[Path]) -> list[Item]:
        rows = [row for file in files for row in read_rows(file)]
        return [_gsm8k_item(row, number) for number, row in enumerate(rows)]

    scored = split_files(path, ["test"])
    others = [] if path.is_file() else split_files(path, ["train"], other_splits=False)
    return [Contents(items(scored), lambda: items(others), kind="generate", accuracy="exact_match", generation=GSM8K_GENERATION)]


def _gsm8k_item(row: Row, number: int) -> Item:
    answer = row.text("answer")
    if "####" not in answer:
        raise row.problem("its answer has no final number after ####")
    return Item(str(number), f"Question: {row.text('question')}\nAnswer:", (answer,), 0)


def read_mgsm(path: Path, only: Sequence[str]) -> list[Contents]:
    """MGSM, one task a language: the model writes the number; bits are those of the number. Examples come from `exemplars.py`, which is read, not run."""
    files = [path] if path.is_file() else [file for file in sorted(path.rglob("mgsm_*")) if suffix_of(file) in (".tsv", *ROWS)]
    languages = [(file.name.partition(".")[0].removeprefix("mgsm_"), file) for file in files]
    unknown = [file for language, file in languages if language not in MGSM_WORDS]
    if unknown:
        raise EvalError(f"suite mgsm: {unknown[0]} names no language of MGSM; call it mgsm_LANGUAGE.tsv, with one of {', '.join(MGSM_WORDS)}")
    return [_mgsm_language(language, file) for language, file in chosen(languages, only, "mgsm")]


def _mgsm_language(language: str, file: Path) -> Contents:
    word, answer_word = MGSM_WORDS[language]
    items = []
    for number, (question, answer, where) in enumerate(_mgsm_rows(file)):
        digits = answer.replace(",", "").strip()
        if not digits.removeprefix("-").replace(".", "", 1).isdecimal():
            raise EvalError(f"{where}: the right answer is {answer!r}, expected a number")
        items.append(Item(str(number), f"{word}{question}\n{answer_word}", (digits,), 0))
    generation = {
        "generation_kwargs": {"do_sample": False, "until": [word.strip(), "</s>", "<|im_end|>"]},
        "filter_list": [
            {"name": "remove_whitespace", "filter": [{"function": "remove_whitespace"}, {"function": "take_first"}]},
            {"name": "flexible-extract", "filter": [{"function": "regex", "group_select": -1, "regex_pattern": _NUMBER}, {"function": "take_first"}]},
        ],
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True, "ignore_case": True, "ignore_punctuation": True}],
    }
    return Contents(
        items,
        lambda: _mgsm_examples(file.parent / "exemplars.py", language, answer_word),
        in_order=True,
        name=language,
        kind="generate",
        delimiter="",
        accuracy="exact_match",
        generation=generation,
    )


def _mgsm_rows(file: Path) -> list[tuple[str, str, str]]:
    if suffix_of(file) == ".tsv":
        return [(cells[0], cells[1], where) for where, cells in read_table(file, 2, quoted=False)]
    return [(row.text("question"), str(row.get("answer_number")), row.where) for row in read_rows(file)]


def _mgsm_examples(file: Path, language: str, answer_word: str) -> list[Item]:
    if not file.is_file():
        return []
    values: dict[str, Any] = {}
    try:
        for node in ast.parse(read_text(file)).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                values[node.targets[0].id] = ast.literal_eval(node.value)
        asked = values["MGSM_EXEMPLARS"][language]
        numbers = values["EXEMPLAR_NUMBER_ANSWERS"]
        return [Item(f"example-{place}", f"{asked[str(place)]['q']}\n{answer_word}", (str(number),), 0) for place, number in enumerate(numbers, 1)]
    except (SyntaxError, ValueError, KeyError, TypeError, IndexError) as error:
        raise EvalError(f"{file}: not in the form that MGSM publishes ({error!r}); download it again, or remove it") from None


def read_lambada(path: Path, only: Sequence[str]) -> list[Contents]:
    """LAMBADA: the last word of a passage, in files with the column text or with one passage a line."""
    files = split_files(path, ["test"], suffixes=(*ROWS, ".txt"), pattern="lambada")
    rows = [row for file in files for row in read_rows(file)]
    items = []
    for number, row in enumerate(rows):
        before, blank, word = row.text("text").rpartition(" ")
        if not blank or not word:
            raise row.problem("the passage has no last word after a blank")
        items.append(Item(str(number), before, (word,), 0))
    return [Contents(items, kind="continuation")]


def read_humaneval(path: Path, only: Sequence[str]) -> list[Contents]:
    """HumanEval: bits of the published solution; no code is run."""
    files = split_files(path, ["test"], pattern="human.?eval")
    rows = [row for file in files for row in read_rows(file)]
    return [Contents([_humaneval_item(row) for row in rows], kind="continuation", delimiter="")]


def _humaneval_item(row: Row) -> Item:
    return Item(row.text("task_id"), row.text("prompt"), (row.text("canonical_solution"),), 0)


def read_pubmedqa(path: Path, only: Sequence[str]) -> list[Contents]:
    """PubMedQA: does the abstract answer the question with yes, no or maybe. With `test_ground_truth.json` beside, its 500 questions are scored and the
    others may serve as examples; without it, all labelled questions are."""
    files = split_files(path, ["test", "train"], pattern=r"ori_pqal|pqa_labeled")
    items = [_pubmedqa_item(row) for file in files if file.name != "test_ground_truth.json" for row in read_rows(file)]
    beside = (path.parent if path.is_file() else files[0].parent if files else path) / "test_ground_truth.json"
    if not beside.is_file():
        return [Contents(items)]
    tested = _ground_truth(beside)
    by_id = {item.id: item for item in items}
    for name, decision in tested.items():
        if name not in by_id or _DECISIONS[by_id[name].gold] != decision:
            raise EvalError(f"{beside}, entry {name}: {decision!r} is not the answer in {files[0]}; download both again")
    return [Contents([item for item in items if item.id in tested], lambda: [item for item in items if item.id not in tested])]


def _ground_truth(path: Path) -> dict[str, str]:
    values = read_json(path)
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise EvalError(f"{path}: expected an object of decisions by question; download it again")
    return values


def _pubmedqa_item(row: Row) -> Item:
    original = "CONTEXTS" in row
    contexts = row.texts("CONTEXTS") if original else row.inner("context").texts("contexts")
    decision = row.text("final_decision")
    if decision not in _DECISIONS:
        raise row.problem(f"final_decision is {decision!r}, expected yes, no or maybe")
    question = row.text("QUESTION" if original else "question")
    context = "Abstract: {}\nQuestion: {}\nAnswer:".format("\n".join(contexts), question)
    return Item(str(row.get("id" if original else "pubid")), context, _DECISIONS, _DECISIONS.index(decision))
