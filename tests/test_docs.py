"""What the documents show must work."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from curate.recipe import CurateRecipe
from curate.rules.ruleset import RuleSet
from curate.synthesize.recipe import SynthesizeRecipe
from curate.synthesize.task import TaskRecipe
from docs.generate.commands import commands
from docs.generate.pages import pages
from eval.probes.recipe import ProbesRecipe
from eval.recipe import EvaluateRecipe
from eval.report.recipe import ReportRecipe
from eval.tasks.recipe import TasksRecipe
from mix.fit.recipe import FitRecipe
from mix.proxies.recipe import ProxiesRecipe
from mix.recipe import MixRecipe
from mix.suggest.recipe import SuggestRecipe
from shards.folder import foreign
from shards.recipe import Recipe, load_recipe
from shards.yaml_text import load_yaml
from tests.commands import MODULES, run
from train.recipe import TrainRecipe

ROOT = Path(__file__).parent.parent
MODELS: dict[str, type[Recipe]] = {"curate": CurateRecipe, "mix": MixRecipe, "train": TrainRecipe, "evaluate": EvaluateRecipe, "report": ReportRecipe}
MODELS |= {"tasks": TasksRecipe, "probes": ProbesRecipe}
KINDS: dict[type[Recipe], dict] = {
    CurateRecipe: {"name": "x", "inputs": ["x"]},
    RuleSet: {"name": "x", "dialect": "own", "source": "x"},
    SynthesizeRecipe: {"inputs": ["x"], "task": "x"},
    TaskRecipe: {"name": "x"},
    MixRecipe: {"name": "x"},
    ProxiesRecipe: {"base": "x", "mix": "x", "train": "x", "evaluate": "x", "tokens": "1M", "design": {"kind": "grid", "step": 0.5}},
    FitRecipe: {"runs": ["x"]},
    SuggestRecipe: {"fit": "x", "target": {"x": 1}, "out": "x"},
    TrainRecipe: {"name": "x", "model": "x", "mix": "x"},
    EvaluateRecipe: {"name": "x", "models": {"x": "x"}, "baseline": "x", "domains": {"x": "x"}, "out": "x"},
    TasksRecipe: {"name": "x", "models": {"x": "x"}, "baseline": "x", "tasks": {"x": {"items": "x"}}, "out": "x"},
    ProbesRecipe: {"name": "x", "models": {"x": "x"}, "baseline": "x", "domains": {"x": "x"}, "out": "x"},
    ReportRecipe: {"title": "x", "scores": "x", "out": "x"},
}
"""Kinds of recipes, each with what one must hold; values are placeholders."""
SHORT_RECIPES = re.findall(r"^\| `(\w+)\.yaml` \| `(.+)` \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
PAGES = sorted((ROOT / "docs").rglob("*.md"))
OUTSIDE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "examples" / "base" / "README.md"]
EXAMPLES = [path for path in sorted((ROOT / "examples").rglob("recipes/*.yaml")) if path.stem.split("-")[0] in MODELS]


def test_the_readme_shows_each_recipe_of_the_flow():
    assert [name for name, _ in SHORT_RECIPES] == ["curate", "mix", "train", "evaluate", "report"]


@pytest.mark.parametrize("name, text", SHORT_RECIPES)
def test_recipes_in_the_readme_are_understood(tmp_path, name, text):
    (tmp_path / "recipe.yaml").write_text(text)
    load_recipe(tmp_path / "recipe.yaml", MODELS[name])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.parent.name}/{path.stem}")
def test_recipes_of_the_examples_are_understood(path, monkeypatch):
    for variable in ("OUT", "DOMAIN", "GENERAL", "BOOKS", "GOVERNMENT"):
        monkeypatch.setenv(variable, "somewhere")
    load_recipe(path, MODELS[path.stem.split("-")[0]])


def test_commands_in_the_readme_exist():
    words = re.findall(rf"^({'|'.join(MODULES)}) +(\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(words) >= 8
    for command, subcommand in sorted(set(words)):
        if command != "train":
            assert subcommand in run(command, "--help")


def test_the_whole_recipe_of_the_curation_page_is_understood(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "how-to" / "curate.md").read_text(), re.DOTALL)
    (tmp_path / "recipe.yaml").write_text(text)
    recipe = load_recipe(tmp_path / "recipe.yaml", CurateRecipe)
    assert len(recipe.inputs) == 2 and recipe.rewrite.c4 and recipe.decontaminate


def test_commands_of_the_curation_page_exist():
    words = re.findall(r"curate (\w+)", (ROOT / "docs" / "how-to" / "curate.md").read_text())
    for subcommand in sorted(set(words)):
        assert subcommand in run("curate", "--help")


def _links(page: Path) -> list[str]:
    """Relative targets of a page's links and images, without their anchors; code is left out."""
    text = re.sub(r"```[\s\S]*?```|`[^`\n]*`|^    .*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    return [target for target in targets if target]


@pytest.mark.parametrize("page", [*PAGES, *(path for path in OUTSIDE if path.is_file())], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    for target in _links(page):
        assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target} does not exist"
        if page not in OUTSIDE:
            assert (page.parent / target).resolve().is_relative_to(ROOT / "docs"), f"{page.relative_to(ROOT)}: the site does not contain {target}"


def test_the_architecture_page_names_every_folder_of_curate_and_all_of_shards_mix_train_and_eval():
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text()
    named = {name for line in page.splitlines() if line.startswith("| `") for name in re.findall(r"`([\w.]+(?:/|\.py))`", line.split("|")[1])}
    rooms = {"shards/", "curate/", "tokenize_tools/", "mix/", "train/", "eval/"}
    folders = {f"{path.parent.name}/" for room in ("curate", "shards", "mix", "train", "eval") for path in (ROOT / room).glob("*/__init__.py")}
    assert {name for name in named if name.endswith("/")} == folders | rooms
    files = {path.name for room in ("shards", "mix", "train", "eval") for path in (ROOT / room).glob("*.py")}
    assert files - {"__init__.py", "__main__.py"} <= named


def _pages_of(nav: list) -> list[str]:
    return [name for entry in nav for name in ([entry] if isinstance(entry, str) else _pages_of([page for part in entry.values() for page in part]))]


def test_every_page_stands_in_the_navigation_and_in_the_index():
    names = {str(page.relative_to(ROOT / "docs")) for page in PAGES}
    assert sorted(_pages_of(tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"])) == sorted(names)
    assert set(_links(ROOT / "docs" / "index.md")) == names - {"index.md"}


def test_generated_pages_are_up_to_date():
    stale = [name for name, text in pages(ROOT / "docs").items() if not (ROOT / "docs" / name).is_file() or (ROOT / "docs" / name).read_text() != text]
    assert not stale, "run python -m docs.generate"


def test_every_recipe_key_says_what_it_means():
    for page in sorted((ROOT / "docs" / "reference" / "recipes").glob("*.md")):
        mute = [line for line in page.read_text().splitlines() if line.startswith("| `") and line.endswith("|  |")]
        assert not mute, f"{page.name}: these fields have no docstring: {mute}"


@pytest.mark.parametrize("title, function", list(commands()), ids=[title for title, _ in commands()])
def test_every_command_and_option_has_help(title, function):
    section = (ROOT / "docs" / "reference" / "commands.md").read_text().split(f"### {title}\n")[1].split("\n###")[0]
    assert function.__doc__ and "|  |" not in section


def test_the_page_on_folders_shows_the_message_about_a_foreign_file():
    assert f"    error: {foreign(Path('out/report.json'))}\n" in (ROOT / "docs" / "reference" / "folders.md").read_text()


def _examples(page: Path) -> list[str]:
    """YAML blocks of a page. A block whose lines all give the same key shows alternatives: each is an example of its own."""
    examples = []
    for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        lines = block.splitlines()
        keys = [line.partition(":")[0] for line in lines]
        examples += lines if len(lines) > 1 and len(set(keys)) == 1 else [block]
    return examples


_ELSEWHERE = ("mix.md", "add-a-signal.md", "add-a-dedup-method.md")  # tests/mix/test_docs.py, tests/docs/test_additions.py
EXAMPLES_OF_PAGES = [(page, example) for page in PAGES if page.name not in _ELSEWHERE for example in _examples(page)]


def _filled(model: type[Recipe], given: dict) -> dict:
    """The keys of an example, and what a recipe needs besides: a mix the sources that its weights name, and how long it is."""
    if model is not MixRecipe or "stages" in given:
        return KINDS[model] | given
    weights = given.get("weights", dict.fromkeys(given.get("sources", ()), 1))
    return KINDS[model] | {"sources": {name: {"tokens": "x"} for name in weights}, "weights": weights, "tokens": "1B"} | given


@pytest.mark.parametrize("page, example", EXAMPLES_OF_PAGES, ids=[f"{page.stem}-{number}" for number, (page, _) in enumerate(EXAMPLES_OF_PAGES)])
def test_yaml_in_the_pages_is_understood(page, example):
    given = load_yaml(example)
    if "dataset_path" in given:  # a task file of lm-evaluation-harness
        return
    faults = []
    for model in KINDS:
        try:
            model.model_validate(_filled(model, given))
            return
        except ValidationError as error:
            faults.append((len(error.errors()), f"{model.__name__}: {error}"))
    pytest.fail(f"{page.relative_to(ROOT)}:\n{example}\n{min(faults)[1]}")
