"""`mix suggest`: from a fit to a suggestion, its page, the mix recipe, and the ratios to run next."""

from pathlib import Path
from typing import Any

import numpy as np

from mix.errors import MixError
from mix.suggest.beliefs import believe
from mix.suggest.combine import rates_of
from mix.suggest.compose import compose, observed_runs
from mix.suggest.confirm import confirmation_of, confirming_runs, words
from mix.suggest.curve import curve_of
from mix.suggest.mix_recipe import suggested_mix
from mix.suggest.page import render
from mix.suggest.question import Question, read_question
from mix.suggest.recipe import SuggestRecipe
from mix.suggest.record import NAME, ConfirmationRecord, SuggestionRecord, read_suggestion
from mix.suggest.request import CONFIRMATION_RUNS
from mix.suggest.suggest import best_of
from mix.suggest.suggestion import BudgetNotMet
from shards.folder import output_folder, remove_recorded, write_owned
from shards.record import sealed
from shards.yaml_text import dump_yaml

PAGE_NAME, MIX_NAME, NEXT_NAME, CONFIRM_NAME = "suggestion.html", "mix.yaml", "next.yaml", "confirm.yaml"


def run(recipe: SuggestRecipe) -> SuggestionRecord:
    """Suggest a ratio, or confirm the one that the output folder holds, and write everything. Raises MixError."""
    question = read_question(recipe)
    with output_folder(recipe.out, (NAME, PAGE_NAME, MIX_NAME, NEXT_NAME, CONFIRM_NAME)):
        suggestion = answer(question, read_suggestion(recipe.out))
        _write(recipe, suggestion)
    return suggestion


def answer(question: Question, earlier: SuggestionRecord | None) -> SuggestionRecord:
    """The suggestion that follows from all runs, given the one that was made earlier.

    An earlier answer to the same question stands if new runs at its ratio kept every budget: it is confirmed, with its shares and predictions as they were.
    Otherwise the shares are chosen anew, and what became of earlier ones is kept.
    """
    before: list[ConfirmationRecord] = []
    if earlier is not None and earlier.recipe_hash == question.hash:
        before = [one for one in earlier.confirmations if one.shares != earlier.shares]
        names = confirming_runs(earlier, question.known)
        if names:
            confirmation = _confirmation(question, earlier, names)
            if confirmation.kept:
                observed = observed_runs(question.known.runs(question.at_tokens))
                return earlier.model_copy(update={"status": "confirmed", "confirmations": [*before, confirmation], "observed": observed})
            before.append(confirmation)
    beliefs = believe(question.request, question.known.evidence)
    try:
        suggestion = best_of(question.request, beliefs)
    except BudgetNotMet as refusal:
        if not before:
            raise
        broken = "; ".join(words(before[-1]))
        raise MixError(f"the suggested ratio was run, and {broken}. With these runs, {refusal}") from None
    curve = curve_of(question, beliefs, suggestion.shares)
    rates = None if question.recipe.rates is None else rates_of(question, question.recipe.rates, suggestion.shares)
    return compose(question, suggestion, curve, rates, before)


def _confirmation(question: Question, earlier: SuggestionRecord, names: list[str]) -> ConfirmationRecord:
    """The runs `names` beside the prediction, and what is believed at its shares of all runs at it and those that it was made from."""
    known = question.known.only({*earlier.evidence.runs, *names})
    shares = np.array([earlier.shares.get(name, 0.0) for name in known.sources], np.float64)
    looks = believe(question.request, known.evidence).look(shares[None])
    return confirmation_of(earlier, known, names, looks, question.request.confidence)


def _write(recipe: SuggestRecipe, suggestion: SuggestionRecord) -> None:
    """All files; the record comes last, so that it is of one piece with them."""
    out = Path(recipe.out)
    files: dict[str, bytes] = {
        NEXT_NAME: _yaml({"points": [{"shares": run.shares, "why": run.why} for run in suggestion.next_runs]}) if suggestion.next_runs else b"",
        CONFIRM_NAME: _yaml({"kind": "confirmation", "points": [{"shares": suggestion.shares, "repeats": CONFIRMATION_RUNS, "why": _why(suggestion)}]}),
        MIX_NAME: _yaml(suggested_mix(recipe.mix, suggestion)) if recipe.mix is not None else b"",
        PAGE_NAME: render(suggestion).encode("utf-8", "replace"),
        NAME: sealed(suggestion.content(), allow_nan=False),
    }
    for name, data in files.items():
        if data:
            write_owned(out / name, data)
        else:
            remove_recorded(out, name)


def _why(suggestion: SuggestionRecord) -> str:
    return f"the suggested ratio; with the losses of these runs, `mix suggest` says whether {suggestion.name} holds"


def _yaml(content: dict[str, Any]) -> bytes:
    return dump_yaml(content, width=120).encode()
