"""The table of deciders, which compare documents with each other, in the order of the run. Each is a file of this folder.

How to add one: docs/how-to/add-a-dedup-method.md.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from curate.compare.bloom import drop_streamed_duplicates
from curate.compare.collection import Collection
from curate.compare.contamination import drop_contaminated
from curate.compare.exact import drop_exact_duplicates
from curate.compare.lines import cut_repeated_lines
from curate.compare.minhash import drop_near_duplicates
from curate.compare.semantic import drop_semantic_duplicates
from curate.compare.substring import cut_repeated_substrings
from curate.dedup.recipe import WithWords
from curate.recipe import CurateRecipe
from curate.rules.ruleset import RuleSet


@dataclass(frozen=True)
class Decider:
    """A row of `DECIDERS`."""

    function: Callable[[Collection, Any], None]
    """Drops and cuts documents of the collection."""
    section: Callable[[CurateRecipe], Any]
    """The function's section of the recipe; None if the recipe does not ask for it."""
    rules: tuple[str, ...] = ()
    """Rules of its verdicts, `STAGE/NAME` each, in the order of the report."""
    is_copy: bool = False
    """Whether it drops duplicates of a document that is kept; the verdict's detail names that document."""

    @property
    def stage(self) -> str:
        """The stage of its verdicts; empty if it gives none."""
        return self.rules[0].partition("/")[0] if self.rules else ""


def _with_words(section: Callable[[CurateRecipe], Any]) -> Callable[[CurateRecipe], WithWords | None]:
    return lambda recipe: None if section(recipe) is None else WithWords(recipe.words, section(recipe))


DECIDERS = (
    # With `dedup.before_rules`, documents dropped only by rules take part in the deciders until `take_rules_back`.
    Decider(lambda collection, _: collection.set_rules_aside(), lambda recipe: recipe.dedup.before_rules or None),
    Decider(drop_contaminated, lambda recipe: recipe.decontaminate, ("contamination/ngrams",)),
    Decider(
        drop_exact_duplicates, _with_words(lambda recipe: recipe.dedup if recipe.dedup.exact else None), ("exact/duplicate", "exact/earlier"), is_copy=True
    ),
    Decider(drop_near_duplicates, _with_words(lambda recipe: recipe.dedup.minhash and recipe.dedup), ("minhash/duplicate", "minhash/earlier"), is_copy=True),
    Decider(drop_semantic_duplicates, lambda recipe: recipe.dedup.semantic, ("semantic/duplicate",), is_copy=True),
    Decider(lambda collection, _: collection.take_rules_back(), lambda recipe: recipe.dedup.before_rules or None),
    Decider(drop_streamed_duplicates, _with_words(lambda recipe: recipe.dedup.bloom), ("bloom/duplicate", "bloom/too_few_words")),
    Decider(cut_repeated_lines, lambda recipe: recipe.dedup.lines, ("lines/too_few_words",)),
    Decider(cut_repeated_substrings, _with_words(lambda recipe: recipe.dedup.substring), ("substring/too_few_words",)),
)

DUPLICATE_STAGES = tuple(decider.stage for decider in DECIDERS if decider.is_copy)
"""Stages that drop duplicates of a document that is kept."""

_BEFORE_RULES = (
    "read/unreadable", "read/too_long", "extract/timeout", "extract/crashed", "extract/killed", "extract/failed", "extract/too_long",
    "read/empty", "rewrite/empty",
    "http/status", "language/not_kept", "language/low_confidence",
)  # fmt: skip


def rule_order(rule_sets: Iterable[RuleSet]) -> list[tuple[str, str]]:
    """(stage, rule) of everything that can drop a document, in the order of the run."""
    own = [("rules", name) for rules in rule_sets for name in rules.rule_names()]
    others = [(rule.partition("/")[0], rule) for rule in _BEFORE_RULES]
    return [*others, *own, *((decider.stage, rule) for decider in DECIDERS for rule in decider.rules)]
