"""What the documents show must work."""

import re
import tomllib
from pathlib import Path

import pytest

from curate.recipe import CurateRecipe
from eval.recipe import EvaluateRecipe, ReportRecipe
from mix.recipe import MixRecipe
from shards.recipe import Recipe, load_recipe
from tests.commands import MODULES, run
from train.recipe import TrainRecipe

ROOT = Path(__file__).parent.parent
MODELS: dict[str, type[Recipe]] = {"curate": CurateRecipe, "mix": MixRecipe, "train": TrainRecipe, "evaluate": EvaluateRecipe, "report": ReportRecipe}
SHORT_RECIPES = re.findall(r"^\| `(\w+)\.yaml` \| `(.+)` \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
PAGES = sorted((ROOT / "docs").rglob("*.md"))
OUTSIDE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "examples" / "base" / "README.md"]
EXAMPLES = [path for path in sorted((ROOT / "examples").rglob("recipes/*.yaml")) if path.stem.split("-")[0] in MODELS]


def test_the_readme_shows_one_recipe_per_command():
    assert [name for name, _ in SHORT_RECIPES] == ["curate", "mix", "train", "evaluate"]


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


def test_every_page_stands_in_the_navigation_and_in_the_index():
    names = {str(page.relative_to(ROOT / "docs")) for page in PAGES}
    navigation = {name for section in tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"] for pages in section.values() for name in pages}
    assert navigation == names
    assert set(_links(ROOT / "docs" / "index.md")) == names - {"index.md"}
