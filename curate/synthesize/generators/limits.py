"""Limits on the rate and the cost of requests."""

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
"""Upper estimate of the tokens that a chat template adds to a prompt."""


class Pace:
    """Limits requests and tokens per minute by even spacing: each request delays the earliest start of the next."""

    def __init__(self, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        self._request_seconds = _MINUTE / requests_per_minute if requests_per_minute else 0.0
        self._token_seconds = _MINUTE / tokens_per_minute if tokens_per_minute else 0.0
        self._next = 0.0

    async def wait(self, n_tokens: float) -> None:
        """Return when a request of `n_tokens` may be sent."""
        now = time.monotonic()
        start = max(now, self._next)
        self._next = start + max(self._request_seconds, self._token_seconds * n_tokens)
        if start > now:
            await asyncio.sleep(start - now)


def price(prices: PricesRecipe, prompt_tokens: float, completion_tokens: float) -> float:
    """Cost in the currency of `prices`."""
    return (prompt_tokens * prices.prompt_per_million + completion_tokens * prices.completion_per_million) / 1e6


class SpendBudget:
    """A cap on spending that processes share through a counter in a file: the amount spent plus the amount reserved for requests in flight.

    Before a request is sent, its maximum cost is reserved; the answer replaces the reservation by the actual cost. So the cap holds at any moment,
    by the server's own token counts. What a server charges for answers that never arrived is unknown and not counted.
    """

    def __init__(self, path: Path, recipe: OpenAIRecipe) -> None:
        self._path, self._cap, self._prices = Path(path), recipe.max_spend, recipe.prices
        self._reserved = 0.0
        self._freed = asyncio.Event()

    def maximum(self, prompt_bytes: int, max_tokens: int) -> float:
        """The maximum cost of a request, since tokenizers make no more tokens than there are bytes."""
        return price(self._prices, prompt_bytes + _TEMPLATE_TOKENS, max_tokens)

    async def reserve(self, amount: float) -> None:
        """Reserve `amount` as soon as it fits under the cap. Raises CurateError if it does not fit and no request in flight can free any."""
        if self._cap is None:
            return
        while not self._add(amount):
            if self._reserved <= 0:
                raise CurateError(
                    f"max_spend: {self._total():.4g} of {self._cap:.4g} is spent, and the next request may cost {amount:.4g}; "
                    "answers so far are kept; raise generator.max_spend and rerun"
                )
            self._freed.clear()
            await self._freed.wait()
        self._reserved += amount

    def settle(self, reserved: float, answer: Answer | None) -> None:
        """Replace a reserved amount by the actual cost; None: there was no answer."""
        if self._cap is None:
            return
        spent = price(self._prices, answer.prompt_tokens, answer.completion_tokens) if answer else 0.0
        self._add(spent - reserved, capped=False)
        self._reserved = max(0.0, self._reserved - reserved)
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
    """Set a budget's counter to the cost of these answers. No process may be using it."""
    total = sum(price(prices, answer.prompt_tokens, answer.completion_tokens) for answer in answers)
    write_atomically(path, struct.pack("<d", total))


def _unpack(data: bytes) -> float:
    return float(struct.unpack("<d", data)[0]) if len(data) == 8 else 0.0
