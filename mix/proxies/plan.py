"""From a recipe to runs: each with the recipes of its steps, the runs that it needs first, and keys that say when a step must be done again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mix.errors import MixError
from mix.proxies.names import run_name, run_seed
from mix.proxies.ratios import Ratio, kind_of, ratios
from mix.proxies.recipe import ProxiesRecipe
from mix.proxies.templates import Templates, mix_recipe, mix_values
from mix.runs.proxy import Kind, Proxy
from shards.recipe import recipe_hash
from shards.record import json_hash
from shards.yaml_text import dump_yaml

BASE = "base"
"""Name of the base model in evaluations."""

TRAIN_SETTINGS_OF_SPEED = frozenset({
    "model", "mix", "out", "micro_batch_rows", "attention", "schedule_change", "device", "threads", "activation_checkpointing", "sharding", "compile",
    "checkpoint", "evaluate", "log",
})  # fmt: skip
"""Keys of a training recipe that do not enter its hash: a run that differs in them alone is not run again."""
EVALUATE_SETTINGS_OF_SPEED = frozenset(("device", "threads", "work", "out", "models", "baseline"))


@dataclass(frozen=True)
class Step:
    """One command of a run.

    `command` is its words up to the recipe, `file` that recipe in the run's folder, `output` the folder that it writes there. `key` changes whenever
    its result would.
    """

    command: tuple[str, ...]
    file: str
    values: dict[str, Any]
    output: str
    key: str

    @property
    def name(self) -> str:
        """Such as `train`."""
        return " ".join(self.command)

    def text(self) -> bytes:
        """The recipe as YAML."""
        return dump_yaml(self.values, width=120).encode()


@dataclass(frozen=True)
class Run:
    """One run: what it stands for, its steps in order, and the names of the runs that it needs."""

    proxy: Proxy
    steps: tuple[Step, ...]
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the run and its folder."""
        return self.proxy.name

    @property
    def keys(self) -> dict[str, str]:
        """Key of each step by its name."""
        return {step.name: step.key for step in self.steps}

    @property
    def trained_tokens(self) -> int:
        """Tokens that this run trains on; 0 for a merged one."""
        return 0 if self.proxy.kind == "merged" else self.proxy.tokens


def plan_runs(recipe: ProxiesRecipe, templates: Templates) -> list[Run]:
    """All runs of a recipe; experts come first. Raises MixError for a ratio that the sources' sizes do not allow, and for names that clash."""
    chosen = ratios(recipe, templates.sources)
    runs: dict[str, Run] = {}
    if "merged" in recipe.kinds:
        drawn = [any(ratio.shares[index] for ratio in chosen) for index in range(len(templates.sources.names))]
        experts = {name: _expert(recipe, templates, name) for name, is_drawn in zip(templates.sources.names, drawn, strict=True) if is_drawn}
        _add(runs, experts.values())
    if "trained" in recipe.kinds:
        _add(runs, (run for ratio in chosen for run in _trained(recipe, templates, ratio)))
    if "merged" in recipe.kinds:
        _add(runs, (_merged(recipe, templates, _by_name(templates, ratio), experts) for ratio in chosen))
    return list(runs.values())


def _add(runs: dict[str, Run], more: Iterable[Run]) -> None:
    for run in more:
        if runs.setdefault(run.name, run) != run:
            raise MixError(f"two runs would have the folder {run.name}; rename one of the sources in the recipe")


def _by_name(templates: Templates, ratio: Ratio) -> dict[str, float]:
    return {name: share for name, share in zip(templates.sources.names, ratio.shares, strict=True) if share > 0}


def _trained(recipe: ProxiesRecipe, templates: Templates, ratio: Ratio) -> Iterable[Run]:
    shares, kind = _by_name(templates, ratio), kind_of(recipe)
    rates: list[float | None] = [*recipe.lr] or [None]
    for lr in rates:
        for repeat in range(ratio.repeats or 1):
            name = run_name(shares, kind=kind, repeat=repeat, lr=lr)
            yield _training(recipe, templates, name, kind, shares, recipe.tokens, lr)


def _expert(recipe: ProxiesRecipe, templates: Templates, source: str) -> Run:
    """A run on one source alone: the trained run at that corner, unless it has a number of tokens of its own."""
    shares, lr = {source: 1.0}, recipe.lr[0] if recipe.lr else None
    if recipe.expert_tokens in (None, recipe.tokens):
        return _training(recipe, templates, run_name(shares, lr=lr), "trained", shares, recipe.tokens, lr)
    return _training(recipe, templates, run_name(shares, kind="expert", lr=lr), "trained", shares, recipe.expert_tokens or 0, lr)


def _training(recipe: ProxiesRecipe, templates: Templates, name: str, kind: Kind, shares: Mapping[str, float], tokens: int, lr: float | None) -> Run:
    _refuse_too_much(recipe, templates, shares, tokens)
    folder, seed = run_folder(recipe, name), run_seed(recipe.seed, name)
    mix = mix_values(recipe, templates.mix, dict(shares), seed=seed, folder=folder, tokens=tokens)
    built = mix_recipe(recipe, templates.mix, dict(shares), seed=seed, folder=folder, tokens=tokens)
    contents = {source: templates.contents[source] for source in shares}
    mixed = Step(("mix", "build"), "mix.yaml", mix, "mix", json_hash([recipe_hash(built), templates.contents, templates.tokenizer]))
    train = templates.train | {
        "name": f"{recipe.name} {name}",
        "model": str(recipe.base),
        "mix": str(folder / "mix"),
        "seed": seed,
        "out": str(folder / "train"),
    }
    if lr is not None:
        train["optimizer"] = dict(train.get("optimizer") or {}) | {"lr": lr}
    trained = Step(("train",), "train.yaml", train, "train", json_hash([_without(train, TRAIN_SETTINGS_OF_SPEED), mixed.key, templates.base]))
    steps = (mixed, trained, _evaluation(recipe, templates, name, folder / "train" / "model", trained.key))
    proxy = Proxy(name=name, kind=kind, shares=dict(shares), tokens=tokens, seed=seed, lr=lr, contents=contents, tokenizer=templates.tokenizer)
    return Run(proxy, steps)


def _merged(recipe: ProxiesRecipe, templates: Templates, shares: Mapping[str, float], experts: Mapping[str, Run]) -> Run:
    name, needed = run_name(shares, kind="merged"), [experts[source] for source in shares]
    folder = run_folder(recipe, name)
    models = [
        {"model": str(run_folder(recipe, expert.name) / "train" / "model"), "weight": share} for expert, share in zip(needed, shares.values(), strict=True)
    ]
    values = {"method": "task_arithmetic", "base": str(recipe.base), "models": models, "normalize": False, "out": str(folder / "model")}
    key = json_hash([list(shares.values()), [expert.keys["train"] for expert in needed], templates.base])
    merge = Step(("train", "merge"), "merge.yaml", values, "model", key)
    proxy = Proxy(
        name=name,
        kind="merged",
        shares=dict(shares),
        tokens=needed[0].proxy.tokens,
        seed=recipe.seed,
        lr=needed[0].proxy.lr,
        contents={source: templates.contents[source] for source in shares},
        tokenizer=templates.tokenizer,
    )
    return Run(proxy, (merge, _evaluation(recipe, templates, name, folder / "model", key)), tuple(expert.name for expert in needed))


def _evaluation(recipe: ProxiesRecipe, templates: Templates, name: str, model: Path, model_key: str) -> Step:
    models = {BASE: str(recipe.base), name: str(model)}
    where = {"work": str(recipe.out / "scores"), "out": str(run_folder(recipe, name) / "scores")}
    values = templates.evaluate | {"name": f"{recipe.name} {name}", "models": models, "baseline": BASE} | where
    key = json_hash([_without(values, EVALUATE_SETTINGS_OF_SPEED), model_key, templates.base, templates.held_out])
    return Step(("evaluate", "run"), "evaluate.yaml", values, "scores", key)


def run_folder(recipe: ProxiesRecipe, name: str) -> Path:
    """The folder of a run."""
    return recipe.out / "runs" / name


def _without(values: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}


def _refuse_too_much(recipe: ProxiesRecipe, templates: Templates, shares: Mapping[str, float], tokens: int) -> None:
    for source, share in shares.items():
        largest = float(templates.sources.largest[templates.sources.names.index(source)]) * recipe.tokens
        if share * tokens > largest * (1 + 1e-9):
            raise MixError(
                f"source {source} is too small for {share:.2%} of a run of {tokens:,} tokens: its size and limits allow {largest:,.0f} tokens; "
                f"raise mix.sources.{source}.max_epochs, lower tokens, or leave out ratios with more than {largest / tokens:.2%} of it"
            )
