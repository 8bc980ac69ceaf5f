"""Phase one of a shard: ask for every answer that its journal lacks, in any order."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from curate.errors import CurateError
from curate.synthesize.generators.base import Answer, Generator, Outcome, Request, Unanswered
from curate.synthesize.generators.limits import price
from curate.synthesize.generators.make import make_generator
from curate.synthesize.generators.recipe import OpenAIRecipe, PricesRecipe
from curate.synthesize.inputs import Shard, read_documents
from curate.synthesize.journal import Journal
from curate.synthesize.parse import NotParsed
from curate.synthesize.recipe import SynthesizeRecipe
from curate.synthesize.requests import requests_of
from curate.synthesize.status import Status
from curate.synthesize.task import TaskRecipe

_SYNC_LINES, _SYNC_SECONDS = 256, 1.0
_EXAMPLES, _EXAMPLE_CHARS = 3, 160


@dataclass(frozen=True)
class Asking:
    """What phase one needs to know."""

    recipe: SynthesizeRecipe
    task: TaskRecipe
    model: str
    shard: Shard
    budget: str
    share: float


def ask_missing(asking: Asking, journal: Journal, status: Status) -> list[Unanswered]:
    """Ask for what the journal lacks; returns the requests that have no answer after all retries, in the order of their keys.

    Raises CurateError for what no request can get past, or when nothing that comes back can be used. Answers so far are in the journal.
    """
    return ask(asking, _missing(asking, journal, status), journal, status)


def ask(asking: Asking, requests: Iterator[Request], journal: Journal, status: Status) -> list[Unanswered]:
    """Ask these requests, whatever they are about; else as `ask_missing`. Nothing is started if there are none."""
    first = next(requests, None)
    if first is None:
        return []
    return asyncio.run(_ask(asking, _after(first, requests), journal, status))


def _missing(asking: Asking, journal: Journal, status: Status) -> Iterator[Request]:
    asked: set[str] = set()
    for document in read_documents(asking.shard):
        for one in requests_of(asking.task, asking.model, document):
            if one.request.key not in journal and one.request.key not in asked:
                asked.add(one.request.key)
                yield one.request
        status.add(documents=1)


def _after(first: Request, rest: Iterator[Request]) -> Iterator[Request]:
    yield first
    yield from rest


async def _ask(asking: Asking, requests: Iterator[Request], journal: Journal, status: Status) -> list[Unanswered]:
    chat = asking.task.prompt is not None and asking.task.prompt.user is not None
    generator: Generator = make_generator(asking.recipe.generator, Path(asking.budget), chat=chat, share=asking.share)
    taker = _Taker(asking, journal, status)
    taker.recall()
    try:
        await generator.check()
        await generator.answer(requests, taker.take, status)
    finally:
        await generator.close()
    return sorted(taker.unanswered, key=lambda one: one.key)


@dataclass
class _Taker:
    """Puts answers into the journal, and stops a run that goes nowhere."""

    asking: Asking
    journal: Journal
    status: Status
    unanswered: list[Unanswered] = field(default_factory=list)
    n_usable: int = 0
    useless: list[str] = field(default_factory=list)
    n_useless: int = 0
    _synced: float = field(default_factory=time.monotonic)

    async def take(self, outcome: Outcome) -> None:
        """See `generators.base.Take`."""
        if isinstance(outcome, Unanswered):
            self.unanswered.append(outcome)
            self.status.problem(outcome.reason)
            self._useless(f"{outcome.reason}: {outcome.detail}")
            return
        self.journal.append(outcome)
        recipe = self.asking.recipe.generator
        prices = recipe.prices if isinstance(recipe, OpenAIRecipe) else PricesRecipe()
        spend = price(prices, outcome.prompt_tokens, outcome.completion_tokens)
        self.status.add(answers=1, prompt_tokens=outcome.prompt_tokens, completion_tokens=outcome.completion_tokens, spend=spend)
        self._judge(outcome)
        if self.journal.unsynced >= _SYNC_LINES or time.monotonic() - self._synced > _SYNC_SECONDS:
            self._synced = time.monotonic()
            await asyncio.to_thread(self.journal.sync)

    def recall(self) -> None:
        """Judge what earlier runs were answered, up to the first that can be used: so a run that was stopped is not paid for again."""
        for answer in self.journal.answers():
            if self.n_usable:
                return
            self._judge(answer)

    def _judge(self, answer: Answer) -> None:
        if answer.failure:
            self.status.problem(answer.failure)
            self._useless(f"{answer.failure}: {answer.detail}")
            return
        try:
            self.asking.task.parser.parse(answer.text)
            self.n_usable += 1
        except NotParsed as reason:
            self.status.problem(f"parser: {reason}")
            self._useless(f"parser: {reason}: {answer.text}")

    def _useless(self, told: str) -> None:
        self.n_useless += 1
        if len(self.useless) < _EXAMPLES:
            shown = " ".join(told.split())
            self.useless.append(shown if len(shown) <= _EXAMPLE_CHARS else shown[:_EXAMPLE_CHARS] + "…")
        stop_after = self.asking.recipe.stop_after
        if stop_after is not None and not self.n_usable and self.n_useless >= stop_after:
            examples = " | ".join(self.useless)
            raise CurateError(
                f"task {self.asking.task.name}: none of the first {self.n_useless} requests gave anything usable, so the run stops; "
                f"answers are kept, and a mended parser reads them without asking again; first ones: {examples}"
            )
