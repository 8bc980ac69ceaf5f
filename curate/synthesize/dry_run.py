"""`--dry-run`: what a run would ask for, and what it would cost, without asking."""

from dataclasses import dataclass
from typing import Any

from curate.synthesize.gates.judge import JudgeGate
from curate.synthesize.generators.limits import price
from curate.synthesize.generators.local import TransformersGenerator
from curate.synthesize.generators.recipe import OpenAIRecipe, PricesRecipe, TransformersRecipe
from curate.synthesize.inputs import read_documents
from curate.synthesize.journal import read_journal
from curate.synthesize.requests import cut, requests_of
from curate.synthesize.run import Plan
from shards.console import progress

_BYTES_PER_TOKEN = 4.0


@dataclass
class Estimate:
    """Of the requests that are not in the journal yet. Tokens of completions: the mean of what the journal holds, else the most allowed."""

    documents: int = 0
    requests: int = 0
    answered: int = 0
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    most_completion_tokens: int = 0
    example: str = ""


def estimate(plan: Plan) -> Estimate:
    """Render every prompt and count. Raises CurateError for a template that a document can't fill."""
    found = Estimate()
    count = _counter(plan)
    known, completion_tokens = 0, 0
    with progress("counting", sum(shard.n_rows for shard in plan.shards)) as meter:
        for shard in plan.shards:
            journal = plan.journal(shard)
            answers = {answer.key: answer.completion_tokens for answer in read_journal(journal)} if journal.exists() else {}
            known, completion_tokens = known + len(answers), completion_tokens + sum(answers.values())
            for document in read_documents(shard):
                found.documents += 1
                meter.advance(1)
                if plan.task.miner is not None:
                    found.requests += sum(1 for _ in cut(plan.task, document))
                    continue
                for one in requests_of(plan.task, plan.model, document):
                    if one.request.key in answers:
                        found.answered += 1
                        continue
                    text = one.request.prompt or "\n".join(content for _, content in one.request.messages)
                    found.requests += 1
                    found.prompt_tokens += count(text)
                    found.example = found.example or text
    most = plan.task.sampling.max_tokens
    found.most_completion_tokens = found.requests * most
    found.completion_tokens = found.requests * (completion_tokens / known if known else most)
    return found


def shown(plan: Plan, found: Estimate) -> dict[str, Any]:
    """The estimate as lines of a summary."""
    if plan.task.miner is not None:
        return {"documents": f"{found.documents:,}", "passages": f"{found.requests:,}", "requests": "none: this task works by rules"}
    lines = {
        "documents": f"{found.documents:,}",
        "requests": f"{found.requests:,} to make, {found.answered:,} answered already",
        "prompt tokens": f"{found.prompt_tokens:,.0f}" + ("" if isinstance(plan.recipe.generator, TransformersRecipe) else " (bytes / 4)"),
        "completion tokens": f"{found.completion_tokens:,.0f}, at most {found.most_completion_tokens:,}",
    }
    if isinstance(plan.recipe.generator, OpenAIRecipe):
        prices = plan.recipe.generator.prices
        likely, most = (price(prices, found.prompt_tokens, tokens) for tokens in (found.completion_tokens, found.most_completion_tokens))
        lines["cost"] = f"{likely:,.4g}, at most {most:,.4g}" if prices != PricesRecipe() else "no prices given (generator.prices)"
    if any(isinstance(gate, JudgeGate) for gate in plan.task.gates):
        lines["judges"] = "not counted: they are asked about what comes of these answers"
    if found.example:
        head = " ".join(found.example.split())
        lines["first prompt"] = head[:200] + ("…" if len(head) > 200 else "")
    return lines


def _counter(plan: Plan) -> Any:
    generator = plan.recipe.generator
    if isinstance(generator, TransformersRecipe):
        chat = plan.task.prompt is not None and plan.task.prompt.user is not None
        return TransformersGenerator(generator, chat=chat).count_tokens
    return lambda text: len(text.encode("utf-8", "replace")) / _BYTES_PER_TOKEN
