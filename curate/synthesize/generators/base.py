"""What a generator is: it answers requests, in any order, as many at a time as it likes."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

Message = tuple[str, str]
"""Role and content."""


@dataclass(frozen=True)
class Request:
    """One completion to be made. Either `messages` (chat) or `prompt` (plain text) is given; `key` names the request wherever it is run."""

    key: str
    messages: tuple[Message, ...]
    prompt: str
    body: dict[str, Any]
    """Sampling, as keys of OpenAI's protocol, without the seed."""
    seed: int
    row: int
    """Row of the source document in its shard, for messages."""


@dataclass(frozen=True)
class Answer:
    """A completion, or (with `failure`) a request that this model can't answer however often it is asked."""

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
    """A request given up after retries; the next run asks again."""

    key: str
    reason: str
    """timeout, connection, server_error, rate_limit, not_json, empty, …"""
    detail: str = ""
    row: int = 0


Outcome = Answer | Unanswered
Take = Callable[[Outcome], Awaitable[None]]


class Watch(Protocol):
    """Hears of what a user may want to see while it happens."""

    def retried(self, reason: str) -> None:
        """A request failed and will be tried again."""


class Generator(Protocol):
    """Completes requests."""

    async def check(self) -> None:
        """Raise CurateError if nothing can be asked: server unreachable, key missing, no chat template."""

    async def answer(self, requests: Iterator[Request], take: Take, watch: Watch) -> None:
        """Answer every request: `take` is awaited once for each, in any order.

        Requests are drawn from the iterator only as room comes free, so that memory doesn't follow their number. Raises CurateError for what no
        request can get past (wrong key, unknown model, all servers down, money spent); what was taken before stands.
        """

    def count_tokens(self, text: str) -> float:
        """Tokens of a text, or an estimate; for dry runs and spend."""

    async def close(self) -> None:
        """Let go of connections or memory."""
