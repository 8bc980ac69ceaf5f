"""Asking a generator directly, without a run."""

import asyncio
from collections import Counter
from pathlib import Path

from curate.synthesize.generators.base import Reply, Request
from curate.synthesize.generators.openai import OpenAIGenerator
from curate.synthesize.generators.recipe import OpenAIRecipe
from curate.synthesize.task import SamplingRecipe


def requests(n: int, *, chat: bool = True, words: int = 20, **sampling: object) -> list[Request]:
    """Different requests."""
    body = SamplingRecipe(**sampling).body()  # type: ignore[arg-type]
    texts = [f"number {number} " + "word " * words for number in range(n)]
    return [Request(f"{number:032x}", (("user", text),) if chat else (), "" if chat else text, body, number, number) for number, text in enumerate(texts)]


class Seen:
    """What came back, and what was heard of on the way."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Reply] = {}
        self.retries: Counter[str] = Counter()

    async def take(self, outcome: Reply) -> None:
        assert outcome.key not in self.outcomes, "answered twice"
        self.outcomes[outcome.key] = outcome

    def retried(self, reason: str) -> None:
        self.retries[reason] += 1


def ask(asked: list[Request], folder: Path, urls: list[str], *, check: bool = False, **options: object) -> Seen:
    """All outcomes. Raises what the generator raises."""
    seen = Seen()

    async def go() -> None:
        generator = OpenAIGenerator(OpenAIRecipe(**{"kind": "openai", "model": "test-model", "base_urls": urls, **options}), folder / "budget")  # type: ignore[arg-type]
        try:
            if check:
                await generator.check()
            await generator.answer(iter(asked), seen.take, seen)
        finally:
            await generator.close()

    asyncio.run(go())
    return seen
