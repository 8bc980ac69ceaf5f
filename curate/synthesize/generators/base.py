"""The interface of generators, which answer requests in any order and with any concurrency."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

Message = tuple[str, str]
"""Role and content."""


@dataclass(frozen=True)
class Request:
    """A request for one completion. Either `messages` (chat) or `prompt` (plain text) is given; `key` identifies the request across runs."""

    key: str
    messages: tuple[Message, ...]
    prompt: str
    body: dict[str, Any]
    """Sampling parameters as keys of OpenAI's protocol, without the seed."""
    seed: int
    row: int
    """Row of the source document, for messages."""


@dataclass(frozen=True)
class Answer:
    """A completion or, with `failure`, a permanent failure: repeating the request cannot help."""

    key: str
    text: str = ""
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    failure: str = ""
    """context_length, refused or empty; "" for a completion."""
    detail: str = ""


@dataclass(frozen=True)
class Unanswered:
    """A request without an answer after all retries; the next run repeats it."""

    key: str
    reason: str
    """timeout, connection, server_error, rate_limit, not_json, empty, …"""
    detail: str = ""
    row: int = 0


Reply = Answer | Unanswered
Take = Callable[[Reply], Awaitable[None]]


class RetryListener(Protocol):
    """Receives events to display while a generator works."""

    def retried(self, reason: str) -> None:
        """A request failed and will be retried."""


class Generator(Protocol):
    """Answers requests."""

    async def check(self) -> None:
        """Raise CurateError if no request can succeed: server unreachable, key missing, no chat template."""

    async def answer(self, requests: Iterator[Request], take: Take, listener: RetryListener) -> None:
        """Answer every request: `take` is awaited once per request, in any order.

        Requests are drawn from the iterator only when they can be started, so memory does not grow with their number. Raises CurateError for an error
        that affects every request (wrong key, unknown model, all servers down, budget spent); replies taken before remain valid.
        """

    def count_tokens(self, text: str) -> float:
        """Tokens of a text, exact or estimated; for dry runs and spending."""

    async def close(self) -> None:
        """Release connections or memory."""
