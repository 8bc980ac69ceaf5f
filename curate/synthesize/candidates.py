"""Answers, or what a miner finds, to candidates: items filled into the task's output template."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from curate.synthesize.generators.base import Answer
from curate.synthesize.parse import NotParsed
from curate.synthesize.requests import Asked, cut, prompt_values, requests_of
from curate.synthesize.task import TaskRecipe
from curate.synthesize.template import render
from curate.synthesize.types import Candidate, Item, SourceDocument

Find = Callable[[str], Answer | None]
"""The answer to a key."""


@dataclass(frozen=True)
class Problem:
    """A request that gave no items: `rule` says why, `text` is the completion if there is one."""

    rule: str
    detail: str = ""
    text: str = ""
    variant: str = ""
    sample: int = 0
    prompt_hash: str = ""
    key: str = ""
    n_tokens: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Part:
    """Items of one passage, variant and sample."""

    items: Sequence[Item]
    passage: str
    number: int
    count: int
    variant: str
    sample: int
    asked: Asked | None = None
    answer: Answer | None = None


def parts_of(task: TaskRecipe, model: str, document: SourceDocument, find: Find) -> Iterator[Part | Problem]:
    """What each request, or each passage for a miner, gave; in the order of `requests_of` or `cut`."""
    if task.miner is not None:
        for passage, number, count, variant in cut(task, document):
            items = task.miner.mine(passage, document)
            if items:
                yield Part(items, passage, number, count, variant, 0)
        return
    for asked in requests_of(task, model, document):
        yield _answered(task, asked, find(asked.request.key))


def candidates_of(task: TaskRecipe, document: SourceDocument, parts: Sequence[Part]) -> list[Candidate]:
    """All candidates of a document, in order. A template that gives no text gives no candidate."""
    if task.output.per == "document":
        samples = sorted({part.sample for part in parts})
        groups = [[part for part in parts if part.sample == sample] for sample in samples]
        made = [_candidate(task, document, _whole(task, document, group), group) for group in groups]
    else:
        made = [_candidate(task, document, values, [part]) for part in parts for values in _each(task, document, part)]
    return [candidate for candidate in made if candidate.text]


def output_language(task: TaskRecipe, document: SourceDocument) -> str:
    """Language of what is made of a document: the task's, else the document's."""
    if task.output.language is None:
        return document.language
    values = {"options": task.options, "document": document, "metadata": document.metadata}
    return render(f"task {task.name}, output.language", task.output.language, values)


def clean(text: str) -> str:
    """Text that UTF-8 can hold: half a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _answered(task: TaskRecipe, asked: Asked, answer: Answer | None) -> Part | Problem:
    told: dict[str, Any] = {"variant": asked.variant, "sample": asked.sample, "prompt_hash": asked.prompt_hash, "key": asked.request.key}
    if answer is None:
        return Problem("answer/missing", "no answer after all retries", **told)
    told["n_tokens"] = (answer.prompt_tokens, answer.completion_tokens)
    if answer.failure:
        return Problem(f"answer/{answer.failure}", answer.detail, **told)
    try:
        items = task.parser.parse(answer.text)
    except NotParsed as reason:
        return Problem(f"parse/{reason}", f"finish reason {answer.finish_reason}" if answer.finish_reason else "", answer.text, **told)
    return Part(items, asked.passage, asked.number, asked.count, asked.variant, asked.sample, asked, answer)


def _each(task: TaskRecipe, document: SourceDocument, part: Part) -> Iterator[dict[str, Any]]:
    """Template values of each document to be made of one part; `items` are those that it holds."""
    values = prompt_values(task, document, part.passage, part.number, part.count, part.variant)
    for items in [[item] for item in part.items] if task.output.per == "item" else [list(part.items)]:
        yield values | {"items": items, "item": items[0]}


def _whole(task: TaskRecipe, document: SourceDocument, parts: Sequence[Part]) -> dict[str, Any]:
    answers = []
    for part in parts:
        values = prompt_values(task, document, part.passage, part.number, part.count, part.variant)
        answers.append({name: values[name] for name in ("text", "variant", "passage")} | {"items": list(part.items), "item": part.items[0]})
    return {"document": document, "metadata": document.metadata, "options": task.options, "answers": answers, "items": [x for p in parts for x in p.items]}


def _candidate(task: TaskRecipe, document: SourceDocument, values: dict[str, Any], parts: Sequence[Part]) -> Candidate:
    text = render(f"task {task.name}, output for {document.file}:{document.row}", task.output.template, values)
    answered = [part for part in parts if part.answer is not None and part.asked is not None]
    return Candidate(
        clean(text),
        document,
        tuple(dict.fromkeys(part.passage for part in parts)),
        tuple(values["items"]),
        parts[0].variant if len({part.variant for part in parts}) == 1 else "",
        parts[0].sample,
        task.sampling.samples if task.prompt else 1,
        output_language(task, document),
        tuple(part.answer.finish_reason for part in answered if part.answer),
        tuple(part.answer.text for part in answered if part.answer),
        tuple(part.asked.prompt_hash for part in answered if part.asked),
        tuple(part.asked.request.key for part in answered if part.asked),
    )
