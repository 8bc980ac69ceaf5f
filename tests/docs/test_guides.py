"""The pages for people: every recipe in them is understood, every command has the options it is shown with."""

import re
from pathlib import Path

import pytest
import yaml

from curate.rules.ruleset import load_rules
from shards.recipe import load_recipe
from tests.commands import MODULES
from tests.docs.guides import RECIPES, ROOT, SMALLEST, check_command, command_named, commands, commands_in, recipes

DOCS = ROOT / "docs"
GUIDES = [page for page in sorted((DOCS / "how-to").glob("*.md")) if "\n**When.**" in page.read_text() and not page.name.startswith("add-")]
by_name = pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)


@by_name
def test_recipes_of_a_guide_are_understood(page, tmp_path, monkeypatch):
    monkeypatch.setenv("BASE", "base")
    for block in recipes(page):
        path = tmp_path / Path(block.file).name
        if block.kind == "rules":
            path.write_text(block.text)
            load_rules(path)
        else:
            path.write_text(yaml.safe_dump(block.raw()))
            load_recipe(path, RECIPES[block.kind])


@by_name
def test_commands_of_a_guide_take_what_they_are_shown_with(page, monkeypatch):
    monkeypatch.setenv("BASE", "base")
    shown = {block.file: block.raw() for block in recipes(page) if block.kind != "rules" and not block.is_part}
    for command in commands(page):
        check_command(command, shown)


@by_name
def test_commands_and_settings_in_the_text_of_a_guide_exist(page, tmp_path):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for span in re.findall(r"`([^`\n]+)`", text):
        if re.match(rf"({'|'.join(MODULES)}) [a-z-]", span):
            _check_named_command(span)
        elif re.match(r"[a-z_]+(\.[a-z_]+)*: \S", span):
            _check_setting(span, tmp_path)


def _check_named_command(span: str) -> None:
    """The subcommand and the options exist; arguments may be left out."""
    name, subcommand, *rest = span.split()
    command = command_named(name, "run" if subcommand.endswith(".yaml") else subcommand)
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in rest if re.match(r"--?[a-z]", word)} <= known, f"`{span}`"


def _check_setting(span: str, tmp_path: Path) -> None:
    """`key: value` or `key.subkey: value` belongs to a recipe of some kind."""
    key, value = span.split(": ", 1)
    wrong = []
    for kind, base in SMALLEST.items():
        path = tmp_path / f"{kind}.yaml"
        path.write_text(yaml.safe_dump(base))
        try:
            load_recipe(path, RECIPES[kind], [f"{key}={value}"])
            return
        except Exception as error:
            wrong.append(str(error))
    raise AssertionError(f"`{span}` fits no recipe:\n" + "\n".join(wrong))


def test_a_wrong_option_and_a_wrong_key_are_noticed():
    with pytest.raises(AssertionError, match="--sett"):
        check_command(["curate", "run", "curate.yaml", "--sett", "x=1"], {})
    with pytest.raises(Exception, match="dedupe"):
        check_command(["curate", "run", "curate.yaml", "--set", "dedupe.exact=false"], {})
    assert commands_in("for n in 1 2; do BASE=x train plan a.yaml; done && torchrun --nproc-per-node 8 -m train a.yaml") == [
        ["train", "plan", "a.yaml"],
        ["train", "a.yaml"],
    ]
