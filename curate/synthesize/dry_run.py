"""`--dry-run`: the requests that a run would make and what they would cost, without making them."""

from dataclasses import dataclass
from typing import Any

from curate.synthesize.gates.judge import JudgeGateRecipe
from curate.synthesize.generators.limits import price
from curate.synthesize.generators.local import TransformersGenerator
from curate.synthesize.generators.recipe import OpenAIRecipe, PricesRecipe, TransformersRecipe
from curate.synthesize.inputs import read_documents
from curate.synthesize.journal import read_journal
from curate.synthesize.requests import cut, requests_of
from curate.synthesize.run import SynthesisPlan
from shards.console import progress

_BYTES_PER_TOKEN = 4.0


@dataclass
class Estimate:
    """Counts of the requests that the journal does not answer. Completion tokens: the journal's mean per answer, else the upper limit."""

    documents: int = 0
    requests: int = 0
    answered: int = 0
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    max_completion_tokens: int = 0
    example: str = ""


def estimate(plan: SynthesisPlan) -> Estimate:
    """Render every prompt and count. Raises CurateError if a template reads a field that a document lacks."""
    counts = Estimate()
    count_tokens = _token_counter(plan)
    n_answers, completion_tokens = 0, 0
    with progress("counting", sum(shard.n_rows for shard in plan.shards)) as meter:
        for shard in plan.shards:
            journal = plan.journal(shard)
            answers = {answer.key: answer.completion_tokens for answer in read_journal(journal)} if journal.exists() else {}
            n_answers, completion_tokens = n_answers + len(answers), completion_tokens + sum(answers.values())
            for document in read_documents(shard):
                counts.documents += 1
                meter.advance(1)
                if plan.task.miner is not None:
                    counts.requests += sum(1 for _ in cut(plan.task, document))
                    continue
                for asked in requests_of(plan.task, plan.model, document):
                    if asked.request.key in answers:
                        counts.answered += 1
                        continue
                    text = asked.request.prompt or "\n".join(content for _, content in asked.request.messages)
                    counts.requests += 1
                    counts.prompt_tokens += count_tokens(text)
                    counts.example = counts.example or text
    max_tokens = plan.task.sampling.max_tokens
    counts.max_completion_tokens = counts.requests * max_tokens
    counts.completion_tokens = counts.requests * (completion_tokens / n_answers if n_answers else max_tokens)
    return counts


def summary(plan: SynthesisPlan, counts: Estimate) -> dict[str, Any]:
    """The estimate as lines of a summary."""
    if plan.task.miner is not None:
        return {"documents": f"{counts.documents:,}", "passages": f"{counts.requests:,}", "requests": "none: this task works by rules"}
    lines = {
        "documents": f"{counts.documents:,}",
        "requests": f"{counts.requests:,} to make, {counts.answered:,} already answered",
        "prompt tokens": f"{counts.prompt_tokens:,.0f}" + ("" if isinstance(plan.recipe.generator, TransformersRecipe) else " (bytes / 4)"),
        "completion tokens": f"{counts.completion_tokens:,.0f}, at most {counts.max_completion_tokens:,}",
    }
    if isinstance(plan.recipe.generator, OpenAIRecipe):
        prices = plan.recipe.generator.prices
        likely, limit = (price(prices, counts.prompt_tokens, tokens) for tokens in (counts.completion_tokens, counts.max_completion_tokens))
        lines["cost"] = f"{likely:,.4g}, at most {limit:,.4g}" if prices != PricesRecipe() else "unknown: set generator.prices"
    if any(isinstance(gate, JudgeGateRecipe) for gate in plan.task.gates):
        lines["judges"] = "not counted: their requests depend on these answers"
    if counts.example:
        head = " ".join(counts.example.split())
        lines["first prompt"] = head[:200] + ("…" if len(head) > 200 else "")
    return lines


def _token_counter(plan: SynthesisPlan) -> Any:
    generator = plan.recipe.generator
    if isinstance(generator, TransformersRecipe):
        chat = plan.task.prompt is not None and plan.task.prompt.user is not None
        return TransformersGenerator(generator, chat=chat).count_tokens
    return lambda text: len(text.encode("utf-8", "replace")) / _BYTES_PER_TOKEN
