"""Answers or mined items to candidates: items filled into the task's output template."""

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
"""Looks up the answer to a request key."""


@dataclass(frozen=True)
class Problem:
    """A request without items: `rule` is the reason, `text` the completion if there is one."""

    rule: str
    detail: str = ""
    text: str = ""
    variant: str = ""
    sample: int = 0
    prompt_hash: str = ""
    key: str = ""
    n_tokens: tuple[int, int] = (0, 0)
    """Tokens of prompt and completion."""


@dataclass(frozen=True)
class PassageItems:
    """Items of one passage, variant and sample."""

    items: Sequence[Item]
    passage: str
    number: int
    count: int
    variant: str
    sample: int
    asked: Asked | None = None
    answer: Answer | None = None

    @property
    def n_tokens(self) -> tuple[int, int]:
        """Tokens of prompt and completion; zeros for miners."""
        return (self.answer.prompt_tokens, self.answer.completion_tokens) if self.answer else (0, 0)


def results_of(task: TaskRecipe, model: str, document: SourceDocument, find: Find) -> Iterator[PassageItems | Problem]:
    """The result of each request, or of each passage for which a miner found items, in the order of `requests_of` or `cut`."""
    if task.miner is not None:
        for passage, number, count, variant in cut(task, document):
            items = task.miner.mine(passage, document)
            if items:
                yield PassageItems(items, passage, number, count, variant, 0)
        return
    for asked in requests_of(task, model, document):
        yield _answered(task, asked, find(asked.request.key))


def candidates_of(task: TaskRecipe, document: SourceDocument, parts: Sequence[PassageItems]) -> list[Candidate]:
    """All candidates of a document, in order. A template that renders to nothing gives no candidate."""
    if task.output.per == "document":
        samples = sorted({part.sample for part in parts})
        groups = [[part for part in parts if part.sample == sample] for sample in samples]
        candidates = [_candidate(task, document, _document_values(task, document, group), group) for group in groups]
    else:
        candidates = [_candidate(task, document, values, [part]) for part in parts for values in _passage_values(task, document, part)]
    return [candidate for candidate in candidates if candidate.text]


def output_language(task: TaskRecipe, document: SourceDocument) -> str:
    """Language of the documents made from `document`: the task's, else that of `document`."""
    if task.output.language is None:
        return document.language
    values = {"options": task.options, "document": document, "metadata": document.metadata}
    return render(f"task {task.name}, output.language", task.output.language, values)


def clean(text: str) -> str:
    """Text that UTF-8 can encode: lone surrogates become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _answered(task: TaskRecipe, asked: Asked, answer: Answer | None) -> PassageItems | Problem:
    origin: dict[str, Any] = {"variant": asked.variant, "sample": asked.sample, "prompt_hash": asked.prompt_hash, "key": asked.request.key}
    if answer is None:
        return Problem("answer/missing", "no answer after all retries", **origin)
    origin["n_tokens"] = (answer.prompt_tokens, answer.completion_tokens)
    if answer.failure:
        return Problem(f"answer/{answer.failure}", answer.detail, **origin)
    try:
        items = task.parser.parse(answer.text)
    except NotParsed as reason:
        return Problem(f"parse/{reason}", f"finish reason {answer.finish_reason}" if answer.finish_reason else "", answer.text, **origin)
    return PassageItems(items, asked.passage, asked.number, asked.count, asked.variant, asked.sample, asked, answer)


def _passage_values(task: TaskRecipe, document: SourceDocument, part: PassageItems) -> Iterator[dict[str, Any]]:
    """Template values of each document to be made from one passage."""
    values = prompt_values(task, document, part.passage, part.number, part.count, part.variant)
    for items in [[item] for item in part.items] if task.output.per == "item" else [list(part.items)]:
        yield values | {"items": items, "item": items[0]}


def _document_values(task: TaskRecipe, document: SourceDocument, parts: Sequence[PassageItems]) -> dict[str, Any]:
    answers = []
    for part in parts:
        values = prompt_values(task, document, part.passage, part.number, part.count, part.variant)
        answers.append({name: values[name] for name in ("text", "variant", "passage")} | {"items": list(part.items), "item": part.items[0]})
    items = [item for part in parts for item in part.items]
    return {"document": document, "metadata": document.metadata, "options": task.options, "answers": answers, "items": items}


def _candidate(task: TaskRecipe, document: SourceDocument, values: dict[str, Any], parts: Sequence[PassageItems]) -> Candidate:
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
