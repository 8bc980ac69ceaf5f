"""The three recipes that all runs share, and the sources whose shares vary."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mix.budget import Cap
from mix.errors import MixError
from mix.open import open_sources
from mix.proxies.recipe import SET_BY_PROXIES, ProxiesRecipe, Template
from mix.proxies.sources import Sources
from mix.recipe import MixRecipe
from mix.sources import TokenSource, common_tokenizer
from shards.atomic import file_checksum
from shards.errors import ShardError
from shards.home import with_home
from shards.manifest import read_manifest
from shards.recipe import build_recipe, read_values
from shards.record import json_hash

_THREADS = 1


@dataclass(frozen=True)
class Templates:
    """Values of the three recipes without what the runs set, the opened sources, and hashes of what the runs read.

    `contents` is the hash of each source's tokens; `base` is the hash of the base model's files, `held_out` that of the held-out documents.
    """

    mix: dict[str, Any]
    train: dict[str, Any]
    evaluate: dict[str, Any]
    sources: Sources
    contents: dict[str, str]
    tokenizer: str
    base: str
    held_out: str


def read_templates(recipe: ProxiesRecipe) -> Templates:
    """Read and check the templates. Raises MixError or RecipeError for keys that the runs set, for unusable sources, and for a base that is no model."""
    values = {name: _values(name, getattr(recipe, name)) for name in SET_BY_PROXIES}
    for name in ("train", "evaluate"):
        values[name].setdefault("threads", _THREADS)
    mix = mix_recipe(recipe, values["mix"], {next(iter(_sources_of(values["mix"]))): 1.0}, seed=0, folder=recipe.out)
    opened = open_sources(mix)
    by_parent = {name: [source for source in opened if source.parent == name] for name in mix.sources}
    tokens = np.array([float(sum(source.n_tokens for source in groups)) for groups in by_parent.values()])
    largest = np.array([_largest_share(groups, mix, recipe.tokens) for groups in by_parent.values()])
    return Templates(
        values["mix"],
        values["train"],
        values["evaluate"],
        Sources(tuple(mix.sources), tokens, largest),
        {name: groups[0].content for name, groups in by_parent.items() if groups},
        common_tokenizer(opened).tokenizer_sha256,
        _base_hash(recipe.base),
        _held_out_hash(values["evaluate"]),
    )


def mix_recipe(recipe: ProxiesRecipe, template: dict[str, Any], shares: dict[str, float], *, seed: int, folder: Path, tokens: int | None = None) -> MixRecipe:
    """The template as the mix of one run. Raises RecipeError that lists every fault."""
    return build_recipe(mix_values(recipe, template, shares, seed=seed, folder=folder, tokens=tokens), MixRecipe, "mix")


def mix_values(
    recipe: ProxiesRecipe, template: dict[str, Any], shares: dict[str, float], *, seed: int, folder: Path, tokens: int | None = None
) -> dict[str, Any]:
    """Values of the mix recipe of the run in `folder`; it packs into a folder that all runs share."""
    stage = {"name": "proxy", "tokens": tokens or recipe.tokens, "weights": {name: share for name, share in shares.items() if share > 0}}
    where = {"out": str(folder / "mix"), "rows": str(recipe.out / "rows")}
    return copy.deepcopy(template) | {"name": f"{recipe.name} {folder.name}", "seed": seed, "stages": [stage]} | where


def _values(name: str, template: Template) -> dict[str, Any]:
    values = with_home(template if isinstance(template, dict) else read_values(template))
    taken = [key for key in SET_BY_PROXIES[name] if key in values]
    if taken:
        where = f"{name}" if isinstance(template, dict) else f"{name}: {template}"
        raise MixError(f"{where}: {', '.join(taken)}: each run has its own; leave it out of the template")
    return values


def _sources_of(mix: dict[str, Any]) -> dict[str, Any]:
    sources = mix.get("sources")
    if not isinstance(sources, dict) or len(sources) < 2:
        raise MixError("mix.sources: at least two sources, so that there is a ratio to vary")
    return sources


def _largest_share(groups: list[TokenSource], mix: MixRecipe, tokens: int) -> float:
    """The tokens that a source's size and limits allow, as a share of a run of `tokens`; groups of a split are drawn in proportion to their sizes."""
    limit = mix.sources[groups[0].parent]
    total = sum(group.n_tokens for group in groups)
    caps = [Cap(group.n_tokens, limit.max_epochs, limit.max_tokens).tokens * total / group.n_tokens for group in groups if group.n_tokens]
    return min(caps, default=0.0) / tokens


def _base_hash(base: Path) -> str:
    """Hash of a base model's configuration, tokenizer and weights."""
    files = [base / "config.json", base / "tokenizer.json", *sorted(base.glob("*.safetensors"))]
    missing = next((path.name for path in files if not path.is_file()), None) or ("" if len(files) > 2 else "*.safetensors")
    if missing:
        raise MixError(f"base: {base} has no {missing}, so it is not the folder of a Hugging Face model; `train init` makes one with random weights")
    return json_hash({path.name: file_checksum(path) for path in files})


def _held_out_hash(evaluate: dict[str, Any]) -> str:
    """Hash of the sets of held-out documents, by domain."""
    domains = evaluate.get("domains")
    if not isinstance(domains, dict) or not domains:
        raise MixError("evaluate.domains: required, a documents set for each loss that the table of runs is to have")
    hashes = {}
    for name, domain in domains.items():
        documents = domain.get("documents") if isinstance(domain, dict) else domain
        if not isinstance(documents, str):
            raise MixError(f"evaluate.domains.{name}: give the folder of a documents set, or {{documents: FOLDER, …}}")
        try:
            hashes[name] = read_manifest(Path(documents)).hash
        except ShardError as error:
            raise MixError(f"evaluate.domains.{name}: {error}") from None
    return json_hash(hashes)
