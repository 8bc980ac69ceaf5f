"""Items of the probes `generation` and `language`, from texts that are already generated."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from eval.probes.items import Item
from eval.probes.languages import Identify, expected_scripts, wrong_letters, wrong_lines
from eval.probes.prompts import Prompt
from eval.probes.recipe import LanguageRecipe
from eval.probes.repetition import compression_ratio, is_loop, repeated_share, units_of

MODES = ("greedy", "sampled")


class Generated(NamedTuple):
    """A continuation of a prompt: its text, its tokens, and whether the text ended there."""

    mode: str
    domain: str
    doc_id: bytes
    text: str
    tokens: list[int]
    ended: bool


def repetition_items(texts: Iterable[Generated]) -> list[Item]:
    """Repetition, loops, variety, compressibility and ends of each text."""
    items = []
    for one in texts:
        units = units_of(one.text)
        figures = {
            "repeated_4_grams": repeated_share(units, 4),
            "loops": float(is_loop(one.tokens)),
            "distinct_2_grams": 1 - repeated_share(units, 2),
            "compression_ratio": compression_ratio(one.text),
            "ended": float(one.ended),
        }
        items += [Item(f"{one.mode}_{name}", one.domain, one.doc_id, value, 1.0) for name, value in figures.items()]
    return items


def language_items(texts: Sequence[Generated], prompts: Sequence[Prompt], settings: LanguageRecipe, identify: Identify) -> list[Item]:
    """Lines and letters in another language or script, by prompt: over all continuations of the prompt together."""
    by_prompt: dict[tuple[str, bytes], list[str]] = {}
    for one in texts:
        by_prompt.setdefault((one.domain, one.doc_id), []).append(one.text)
    scripts = scripts_of(prompts)
    items = []
    for prompt in prompts:
        continuations = by_prompt[prompt.domain, prompt.doc_id]
        wrong = [wrong_letters(text, scripts[prompt.domain]) for text in continuations]
        items.append(_share("wrong_script_letters", prompt, wrong))
        language = settings.expected.get(prompt.domain, prompt.language)
        if language:
            judged = [wrong_lines(text, language, identify, settings.min_letters, settings.min_probability) for text in continuations]
            items.append(_share("wrong_language_lines", prompt, judged))
            items.append(Item("passes", prompt.domain, prompt.doc_id, float(not any(n for n, _ in judged)), float(any(n for _, n in judged))))
    return items


def _share(measure: str, prompt: Prompt, counts: list[tuple[int, int]]) -> Item:
    """Mean share of one prompt; denominator 0 if nothing could be judged."""
    wrong, total = (sum(column) for column in zip(*counts, strict=True))
    return Item(measure, prompt.domain, prompt.doc_id, wrong / total if total else 0.0, float(total > 0))


def scripts_of(prompts: Sequence[Prompt]) -> Mapping[str, frozenset[str]]:
    """Scripts that the authors of each domain write in."""
    return {domain: expected_scripts(prompt.text + prompt.rest for prompt in prompts if prompt.domain == domain) for domain in {one.domain for one in prompts}}


def examples(prompts: Sequence[Prompt], texts: Mapping[str, Sequence[Generated]], human: Mapping[tuple[str, bytes], str], n: int) -> list[dict[str, Any]]:
    """The first `n` prompts of each domain with the author's continuation and those of all models, for the report."""
    made = {(model, one.mode, one.domain, one.doc_id): one for model, continuations in texts.items() for one in continuations}
    rows = []
    for domain in dict.fromkeys(prompt.domain for prompt in prompts):
        for prompt in [one for one in prompts if one.domain == domain][:n]:
            continuations = {}
            for model in texts:
                chosen = {mode: made[model, mode, domain, prompt.doc_id] for mode in MODES}
                continuations[model] = {mode: {"text": one.text, "ended": one.ended, "loop": is_loop(one.tokens)} for mode, one in chosen.items()}
            row = {"domain": domain, "doc_id": prompt.doc_id.hex(), "prompt": prompt.text, "human": human[domain, prompt.doc_id]}
            rows.append(row | {"continuations": continuations})
    return rows
