"""Benchmarks rewritten as instructions with a gold answer (`instruction`, `output`, `answer`), as LLM-Adapters publishes them: turned back into the columns
that the sets have themselves."""

import re
from typing import Any

from eval.tasks.suites.files import Row

_ASKED = re.compile(r"^Please (?:choose|answer) .*?(?:question: |given sentence: )(.*)\Z", re.DOTALL)
_FORMAT = re.compile(r"\s*Answer format: \S+\s*\Z")
_OPTIONS = ("Answer", "Solution", "Option")


def original(row: Row) -> Row:
    """The row with the columns `question`, `choices` and `answerKey`, or `answer` for a question about true and false. Other rows as they are. Raises
    EvalError for an instruction in another form."""
    if "instruction" not in row:
        return row
    asked = _ASKED.match(_FORMAT.sub("", row.text("instruction")))
    if asked is None:
        raise row.problem("its instruction is not in the form that LLM-Adapters publishes")
    answer = row.text("answer")
    if answer in ("true", "false"):
        return Row({"question": asked[1].rstrip("?").rstrip(), "answer": answer == "true"}, row.where)
    question, options = _split_options(asked[1])
    number = re.fullmatch(r"[a-z]+(\d+)", answer)
    if number is None or not 1 <= int(number[1]) <= len(options):
        raise row.problem(f"its answer is {answer!r}, but it lists {len(options)} options")
    values: dict[str, Any] = {"question": question, "answerKey": number[1], "label": number[1]}
    values["choices"] = {"text": options, "label": [str(place) for place in range(1, len(options) + 1)]}
    return Row(values, row.where)


def _split_options(text: str) -> tuple[str, list[str]]:
    """Question and options. Options are numbered from 1 in order, so that a number inside an option does not end it."""
    name = next((name for name in _OPTIONS if f"\n{name}1: " in text), _OPTIONS[0])
    question, *rest = re.split(rf"\n+{name}1: ", text, maxsplit=1)
    options: list[str] = []
    while rest:
        option, *rest = re.split(rf"\s+{name}{len(options) + 2}: ", rest[0], maxsplit=1)
        options.append(option.strip())
    return question.strip(), options
