"""How fast and for how much requests may go out."""

import asyncio
import fcntl
import os
import struct
import time
from collections.abc import Iterable
from pathlib import Path

from curate.errors import CurateError
from curate.synthesize.generators.base import Answer
from curate.synthesize.generators.recipe import OpenAIRecipe, PricesRecipe
from shards.atomic import write_atomically

_MINUTE = 60.0
_TEMPLATE_TOKENS = 100
"""What a chat template may add to a prompt."""


class Pace:
    """Requests and tokens per minute, spaced evenly: each request moves the earliest time of the next one."""

    def __init__(self, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        self._request_seconds = _MINUTE / requests_per_minute if requests_per_minute else 0.0
        self._token_seconds = _MINUTE / tokens_per_minute if tokens_per_minute else 0.0
        self._next = 0.0

    async def wait(self, n_tokens: float) -> None:
        """Return when a request of so many tokens may go out."""
        now = time.monotonic()
        start = max(now, self._next)
        self._next = start + max(self._request_seconds, self._token_seconds * n_tokens)
        if start > now:
            await asyncio.sleep(start - now)


def price(prices: PricesRecipe, prompt_tokens: float, completion_tokens: float) -> float:
    """What so many tokens cost."""
    return (prompt_tokens * prices.prompt_per_million + completion_tokens * prices.completion_per_million) / 1e6


class Budget:
    """A cap on spending that processes share through a counter in a file: money spent, and money set aside for requests in flight.

    Before a request is sent, the most that it can cost is set aside; the answer turns that into what it did cost. So the cap holds at any moment,
    by the server's own token counts. What a server charges for answers that never arrived can't be known and isn't counted.
    """

    def __init__(self, path: Path, recipe: OpenAIRecipe) -> None:
        self._path, self._cap, self._prices = Path(path), recipe.max_spend, recipe.prices
        self._held = 0.0
        self._freed = asyncio.Event()

    def most(self, prompt_bytes: int, max_tokens: int) -> float:
        """The most that a request can cost: no tokenizer of ours knows makes more tokens than bytes."""
        return price(self._prices, prompt_bytes + _TEMPLATE_TOKENS, max_tokens)

    async def hold(self, amount: float) -> None:
        """Set `amount` aside, once there is room. Raises CurateError if there is none and nothing in flight can make any."""
        if self._cap is None:
            return
        while not self._add(amount):
            if self._held <= 0:
                raise CurateError(
                    f"max_spend: {self._total():.4g} of {self._cap:.4g} is spent, and the next request may cost {amount:.4g}; "
                    "answers so far are kept; raise generator.max_spend and run again"
                )
            self._freed.clear()
            await self._freed.wait()
        self._held += amount

    def settle(self, held: float, answer: Answer | None) -> None:
        """Turn what was set aside into what was spent; None: no answer came."""
        if self._cap is None:
            return
        spent = price(self._prices, answer.prompt_tokens, answer.completion_tokens) if answer else 0.0
        self._add(spent - held, capped=False)
        self._held = max(0.0, self._held - held)
        self._freed.set()

    def _add(self, amount: float, *, capped: bool = True) -> bool:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            total = _unpack(os.pread(descriptor, 8, 0)) + amount
            if capped and self._cap is not None and total > self._cap:
                return False
            os.pwrite(descriptor, struct.pack("<d", total), 0)
            return True
        finally:
            os.close(descriptor)

    def _total(self) -> float:
        return _unpack(self._path.read_bytes()) if self._path.exists() else 0.0


def start_budget(path: Path, prices: PricesRecipe, answers: Iterable[Answer]) -> None:
    """Set a budget's counter to what these answers cost. Nobody may be using it."""
    total = sum(price(prices, answer.prompt_tokens, answer.completion_tokens) for answer in answers)
    write_atomically(path, struct.pack("<d", total))


def _unpack(data: bytes) -> float:
    return float(struct.unpack("<d", data)[0]) if len(data) == 8 else 0.0
