"""What the sources hold: the largest share that each may have in the final run, and whether it still holds what the runs were trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mix.budget import Cap
from mix.errors import MixError
from mix.open import open_sources
from mix.recipe import MixRecipe, StageRecipe
from mix.sources import TokenSource
from mix.suggest.recipe import SuggestRecipe
from shards.recipe import load_recipe

_WITHIN = 1 - 1e-9
"""Share of a cap that a suggestion may use, so that rounding never takes a mix above it."""


@dataclass(frozen=True)
class Sizes:
    """Limits by source, as far as they are known. `caps` are tokens that the final run of `final_tokens` may draw; `reasons` describe them; `contents`
    are hashes of tokens."""

    final_tokens: int | None = None
    caps: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    known: tuple[str, ...] | None = None
    """names that weights may have; None: any"""
    undivided: tuple[str, ...] = ()
    """sources of the mix recipe, as they stand there"""

    def largest_share(self, source: str) -> float:
        """The largest share that its size allows; 1 where there is no limit."""
        if self.final_tokens is None or source not in self.caps:
            return 1.0
        share = self.caps[source] / self.final_tokens
        return share * _WITHIN if share < 1 else 1.0

    def without(self, sources: Sequence[str]) -> list[str]:
        """Sources of the mix that are not among `sources`, neither by their own name nor as groups of one."""
        return [name for name in self.undivided if not any(source == name or source.startswith(f"{name}.") for source in sources)]


def read_sizes(recipe: SuggestRecipe) -> Sizes:
    """Sizes from the recipe's `mix` or `sources`. Raises MixError for a mix recipe that cannot be used, and for unusable sets."""
    if recipe.mix is not None:
        return _of_mix(load_recipe(recipe.mix, MixRecipe), recipe.mix, recipe.tokens)
    caps, reasons, contents = {}, {}, {}
    for name, size in recipe.sources.items():
        n_tokens = size.tokens
        if not isinstance(n_tokens, int):
            source = TokenSource(name, n_tokens, verify=False)
            n_tokens, contents[name] = source.n_tokens, source.content
        cap = Cap(n_tokens, size.max_epochs)
        caps[name], reasons[name] = cap.tokens, str(cap)
    return Sizes(recipe.tokens, caps, reasons, contents)


def only_stage(mix: MixRecipe, path: Path) -> StageRecipe:
    """The one stage of a recipe that weights can be suggested for. Raises MixError if it has several, or extends another mix."""
    if len(mix.stages) != 1:
        raise MixError(f"mix: {path} has {len(mix.stages)} stages, and a suggestion is one stage of constant shares; give a recipe with one stage")
    if mix.extends is not None:
        raise MixError(f"mix: {path} extends another mix, and a suggestion is for a whole run; give a recipe without `extends`")
    return mix.stages[0]


def _of_mix(mix: MixRecipe, path: Path, tokens: int | None) -> Sizes:
    stage = only_stage(mix, path)
    total = tokens or (None if stage.tokens is None else stage.tokens * stage.passes)
    if total is None:
        raise MixError(f"tokens: required, because the stage in {path} takes its length from its amounts")
    caps, reasons, contents, sources = {}, {}, {}, open_sources(mix)
    for name, groups in _by_name(sources).items():
        limit = mix.sources[groups[0].parent]
        each = [Cap(group.n_tokens, limit.max_epochs, limit.max_tokens) for group in groups]
        n_tokens = sum(group.n_tokens for group in groups)
        caps[name] = min(cap.tokens / cap.available if cap.available else 0.0 for cap in each) * n_tokens
        reasons[name] = str(each[0]) if len(each) == 1 else f"its {len(each)} groups hold {n_tokens:,} and allow {caps[name]:,.0f}"
        if groups[0].arrangement is None:
            contents[name] = groups[0].content
    return Sizes(total, caps, reasons, contents, tuple(caps), tuple(mix.sources))


def _by_name(sources: Sequence[TokenSource]) -> dict[str, list[TokenSource]]:
    """Sources by the names that weights may have: a group's own, and that of the source it is a group of, whose weight is divided by size."""
    named: dict[str, list[TokenSource]] = {}
    for source in sources:
        for name in dict.fromkeys((source.name, source.parent)):
            named.setdefault(name, []).append(source)
    return named


def refuse_other_content(sizes: Sizes, contents: Mapping[str, str]) -> None:
    """Raise MixError for a source that holds other tokens than in the runs; `contents` are the hashes there, "" where unknown."""
    changed = [name for name, now in sizes.contents.items() if contents.get(name) and contents[name] != now]
    if changed:
        names = ", ".join(f"{name} ({contents[name][:8]}… in the runs, {sizes.contents[name][:8]}… now)" for name in changed)
        raise MixError(
            f"content of {names}: the runs were trained on other tokens than the source holds now, so they may not predict it; "
            "run new proxies on it, or set content: ignore"
        )
