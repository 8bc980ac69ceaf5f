"""Which pages are generated, and from what."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from curate.fit.recipe import AimRecipe, ClassifierRecipe, ImportanceFitRecipe, KenlmFitRecipe
from curate.overlap.recipe import OverlapRecipe
from curate.recipe import CurateRecipe
from curate.rules.ruleset import RuleSet
from curate.synthesize.recipe import SynthesizeRecipe
from curate.synthesize.task import TaskRecipe
from docs.generate.commands import command_sections
from docs.generate.recipes import recipe_sections
from docs.generate.tables import extractors, formats, pii_kinds, rule_sets, signals, tasks
from eval.probes.recipe import ProbesRecipe
from eval.recipe import EvaluateRecipe
from eval.report.recipe import ReportRecipe
from eval.tasks.recipe import TasksRecipe
from mix.fit.recipe import FitRecipe
from mix.proxies.points import PointsFileRecipe
from mix.proxies.recipe import ProxiesRecipe
from mix.recipe import MixRecipe
from mix.reweight.rules import DoReMiRecipe, OnlineMixingRecipe, SynERecipe
from mix.suggest.recipe import SuggestRecipe
from tokenize_tools.recipe import TokenizeRecipe
from train.merge.recipe import MergeRecipe
from train.recipe import TrainRecipe

_NOTE = "<!-- Written by `python -m docs.generate` from the code: edit the docstrings there, then run it. -->"
_HOW_TO_READ = (
    "Keys without a default are required. A default of `{}` stands for the nested keys with their own defaults. Keys marked ° say where or how fast: "
    "they do not enter the recipe's hash. How recipes are written: [Recipes](index.md)."
)
_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
BLOCKS: dict[str, Callable[[], str]] = {
    "formats": formats,
    "extractors": extractors,
    "pii_kinds": pii_kinds,
    "signals": signals,
    "rule_sets": rule_sets,
    "commands": command_sections,
    "tasks": tasks,
}


@dataclass(frozen=True)
class RecipePage:
    """A page of recipe keys: what the recipes are for, and the models with the titles of their sections."""

    title: str
    about: str
    models: dict[str, type[BaseModel]]


RECIPES = {
    "curate": RecipePage("curate.yaml", "The recipe of `curate run`. How to use it: [Curate](../../how-to/curate.md).", {"Keys": CurateRecipe}),
    "rule-set": RecipePage(
        "Rule set files",
        "A rule set of your own, named by its path under `rules` of `curate.yaml`. Examples: [Signals and rules](../rules.md).",
        {"Keys": RuleSet},
    ),
    "overlap": RecipePage(
        "overlap.yaml",
        "The recipe of `curate overlap`. How to use it: [Decontaminate](../../how-to/decontaminate.md#what-models-were-trained-on-already).",
        {"Keys": OverlapRecipe},
    ),
    "synthesize": RecipePage(
        "synthesize.yaml",
        "The recipe of `curate synthesize`. How to use it: [Synthesize](../../how-to/synthesize.md). Its task is a file of its own: [task files](task.md).",
        {"Keys": SynthesizeRecipe},
    ),
    "task": RecipePage(
        "Task files",
        "What `curate synthesize` asks for and what becomes of the answers. `curate tasks` lists the shipped tasks; a recipe names one, or the path of yours.",
        {"Keys": TaskRecipe},
    ),
    "fit": RecipePage(
        "Fitting classifiers and models",
        "Keys that `curate fit-classifier`, `curate fit-importance` and `curate fit-kenlm` take as options or with `--set KEY=VALUE`. "
        "How to use them: [Score with models](../../how-to/score-with-models.md).",
        {"fit-classifier": ClassifierRecipe, "Threshold of fit-classifier": AimRecipe, "fit-importance": ImportanceFitRecipe, "fit-kenlm": KenlmFitRecipe},
    ),
    "tokenize": RecipePage(
        "Options of a tokens set",
        "`tokenize run` has options in place of a recipe file; a manifest keeps them under these names. How to use it: [Tokenize](../../how-to/tokenize.md).",
        {"Keys": TokenizeRecipe},
    ),
    "mix": RecipePage("mix.yaml", "The recipe of `mix preview` and `mix build`. How to use it: [Mix](../../how-to/mix.md).", {"Keys": MixRecipe}),
    "proxies": RecipePage(
        "proxies.yaml", "The recipe of `mix proxies`, and the files of ratios that it takes.", {"Keys": ProxiesRecipe, "Files of ratios": PointsFileRecipe}
    ),
    "mix-fit": RecipePage(
        "fit.yaml",
        "The recipe of `mix fit`. How to use it: [Choose the mix](../../how-to/choose-the-mix.md). The laws: [Laws](../../explanation/laws.md).",
        {"Keys": FitRecipe},
    ),
    "suggest": RecipePage(
        "suggest.yaml",
        "The recipe of `mix suggest`. How to use it: [Choose the mix](../../how-to/choose-the-mix.md).",
        {"Keys": SuggestRecipe},
    ),
    "reweight": RecipePage(
        "Reweighting rules",
        "Options of `mix reweight --rule NAME`, given with `--set KEY=VALUE`. How to use it: [Mix](../../how-to/mix.md#re-weighting-from-losses).",
        {"syne": SynERecipe, "doremi": DoReMiRecipe, "odm": OnlineMixingRecipe},
    ),
    "train": RecipePage("train.yaml", "The recipe of `train run` and `train plan`. How to use it: [Train](../../how-to/train.md).", {"Keys": TrainRecipe}),
    "merge": RecipePage(
        "merge.yaml", "The recipe of `train merge`. How to use it: [Train](../../how-to/train.md#merging-models-train-merge).", {"Keys": MergeRecipe}
    ),
    "evaluate": RecipePage("evaluate.yaml", "The recipe of `evaluate run`.", {"Keys": EvaluateRecipe}),
    "evaluate-tasks": RecipePage(
        "tasks.yaml", "The recipe of `evaluate tasks`. How to use it: [Evaluate on tasks](../../how-to/evaluate-tasks.md).", {"Keys": TasksRecipe}
    ),
    "evaluate-probes": RecipePage(
        "probes.yaml", "The recipe of `evaluate probes`. How to use it: [Probe a model](../../how-to/probe-a-model.md).", {"Keys": ProbesRecipe}
    ),
    "report": RecipePage("report.yaml", "The recipe of `evaluate report`.", {"Keys": ReportRecipe}),
}


def pages(docs: Path) -> dict[str, str]:
    """Text of each page that is generated as a whole or in part, by its path below `docs`."""
    texts = {f"reference/recipes/{name}.md": _recipe_page(page) for name, page in RECIPES.items()}
    for path in sorted((docs / "reference").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if _BLOCK.search(text):
            texts[str(path.relative_to(docs))] = _BLOCK.sub(lambda match: f"{match[1]}\n{BLOCKS[match[2]]()}\n\n{match[3]}", text)
    return texts


def _recipe_page(page: RecipePage) -> str:
    sections = [_linked(recipe_sections(model, title)) for title, model in page.models.items()]
    return "\n\n".join((_NOTE, f"# {page.title}", page.about, _HOW_TO_READ, *sections)) + "\n"


def _linked(text: str) -> str:
    """Pages that docstrings name by their path become links."""
    return re.sub(r"`?docs/([\w-]+/([\w-]+)\.md)`?", r"[\2](../../\1)", text)
