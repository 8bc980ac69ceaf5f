"""Phase one of a shard: request every answer that its journal lacks, in any order."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from curate.errors import CurateError
from curate.synthesize.generators import make_generator
from curate.synthesize.generators.base import Answer, Generator, Reply, Request, Unanswered
from curate.synthesize.generators.limits import price
from curate.synthesize.generators.recipe import OpenAIRecipe, PricesRecipe
from curate.synthesize.inputs import Shard, read_documents
from curate.synthesize.journal import Journal
from curate.synthesize.parse import NotParsed
from curate.synthesize.recipe import SynthesizeRecipe
from curate.synthesize.requests import requests_of
from curate.synthesize.status import Status
from curate.synthesize.task import TaskRecipe
from curate.synthesize.types import SourceDocument

_SYNC_LINES, _SYNC_SECONDS = 256, 1.0
_EXAMPLES, _EXAMPLE_CHARS = 3, 160


@dataclass(frozen=True)
class Asking:
    """The arguments of phase one."""

    recipe: SynthesizeRecipe
    task: TaskRecipe
    model: str
    shard: Shard
    budget: str
    """File that counts the spending of all processes."""
    share: float
    """This process's part of the rate limits."""


def ask_missing(asking: Asking, journal: Journal, status: Status) -> list[Unanswered]:
    """Request what the journal lacks. Returns the requests without an answer after all retries, sorted by key.

    Raises CurateError for an error that affects every request, or if no answer is usable. The answers received so far are in the journal.
    """
    return ask(asking, unanswered_requests(asking, _counted(asking, status), journal), journal, status)


def ask(asking: Asking, requests: Iterator[Request], journal: Journal, status: Status) -> list[Unanswered]:
    """Make these requests; otherwise as `ask_missing`. Starts no generator if there are none."""
    first = next(requests, None)
    if first is None:
        return []
    return asyncio.run(_ask(asking, _after(first, requests), journal, status))


def unanswered_requests(asking: Asking, documents: Iterable[SourceDocument], journal: Journal) -> Iterator[Request]:
    """Requests about the documents that the journal has no answer to, each once."""
    seen: set[str] = set()
    for document in documents:
        for asked in requests_of(asking.task, asking.model, document):
            if asked.request.key not in journal and asked.request.key not in seen:
                seen.add(asked.request.key)
                yield asked.request


def _counted(asking: Asking, status: Status) -> Iterator[SourceDocument]:
    """The shard's documents; each is counted once its requests are drawn."""
    for document in read_documents(asking.shard):
        yield document
        status.add(documents=1)


def _after(first: Request, rest: Iterator[Request]) -> Iterator[Request]:
    yield first
    yield from rest


async def _ask(asking: Asking, requests: Iterator[Request], journal: Journal, status: Status) -> list[Unanswered]:
    chat = asking.task.prompt is not None and asking.task.prompt.user is not None
    generator: Generator = make_generator(asking.recipe.generator, Path(asking.budget), chat=chat, share=asking.share)
    receiver = _Receiver(asking, journal, status)
    receiver.check_earlier_answers()
    try:
        await generator.check()
        await generator.answer(requests, receiver.take, status)
    finally:
        await generator.close()
    return sorted(receiver.unanswered, key=lambda outcome: outcome.key)


@dataclass
class _Receiver:
    """Appends answers to the journal, and stops a run whose answers are all unusable."""

    asking: Asking
    journal: Journal
    status: Status
    unanswered: list[Unanswered] = field(default_factory=list)
    n_usable: int = 0
    useless: list[str] = field(default_factory=list)
    n_useless: int = 0
    _synced: float = field(default_factory=time.monotonic)

    async def take(self, reply: Reply) -> None:
        """See `generators.base.Take`."""
        if isinstance(reply, Unanswered):
            self.unanswered.append(reply)
            self.status.problem(reply.reason)
            self._useless(f"{reply.reason}: {reply.detail}")
            return
        self.journal.append(reply)
        recipe = self.asking.recipe.generator
        prices = recipe.prices if isinstance(recipe, OpenAIRecipe) else PricesRecipe()
        spend = price(prices, reply.prompt_tokens, reply.completion_tokens)
        self.status.add(answers=1, prompt_tokens=reply.prompt_tokens, completion_tokens=reply.completion_tokens, spend=spend)
        self._check(reply)
        if self.journal.unsynced >= _SYNC_LINES or time.monotonic() - self._synced > _SYNC_SECONDS:
            self._synced = time.monotonic()
            await asyncio.to_thread(self.journal.sync)

    def check_earlier_answers(self) -> None:
        """Check the answers of earlier runs up to the first usable one, so that a run that was stopped does not pay for more useless answers."""
        for answer in self.journal.answers():
            if self.n_usable:
                return
            self._check(answer)

    def _check(self, answer: Answer) -> None:
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

    def _useless(self, description: str) -> None:
        self.n_useless += 1
        if len(self.useless) < _EXAMPLES:
            example = " ".join(description.split())
            self.useless.append(example if len(example) <= _EXAMPLE_CHARS else example[:_EXAMPLE_CHARS] + "…")
        stop_after = self.asking.recipe.stop_after
        if stop_after is not None and not self.n_usable and self.n_useless >= stop_after:
            examples = " | ".join(self.useless)
            raise CurateError(
                f"task {self.asking.task.name}: none of the first {self.n_useless} requests gave a usable answer, so the run stops; "
                f"the answers are kept: fix the parser and rerun, which makes no request twice; first answers: {examples}"
            )
