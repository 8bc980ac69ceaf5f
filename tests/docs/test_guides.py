"""The pages for people: every recipe in them is understood, every command has the options it is shown with."""

import random
import re
from pathlib import Path

import pytest
import yaml

from curate.rules.ruleset import load_rules
from shards.recipe import load_recipe
from tests.commands import MODULES, run
from tests.docs.guides import RECIPES, ROOT, SMALLEST, blocks, check_command, command_named, commands, commands_in, lines_of, recipes

DOCS = ROOT / "docs"
GUIDES = [
    DOCS / "tutorial.md",
    DOCS / "first-run.md",
    *(page for page in sorted((DOCS / "how-to").glob("*.md")) if "\n**When.**" in page.read_text() and not page.name.startswith("add-")),
]
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
    assert commands_in("for n in 1 2; do BASE=x train plan a.yaml; done && torchrun --nproc-per-node 8 --no-python train a.yaml") == [
        ["train", "plan", "a.yaml"],
        ["train", "a.yaml"],
    ]


@pytest.mark.slow
def test_the_tutorial_runs_as_it_is_written(tmp_path, monkeypatch):
    """Every recipe and command of the page, in order, on generated text and with fewer tokens."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BASE", str(ROOT / "examples" / "base"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "200")
    page = DOCS / "tutorial.md"
    _write_text(tmp_path / "contracts", "txt", seed=1)
    _write_text(tmp_path / "government", "md", seed=2)
    for block in recipes(page):
        Path(block.file).parent.mkdir(exist_ok=True)
        Path(block.file).write_text(block.text.replace("250k", "40k"))
    n_commands = 0
    for text in blocks(page, "sh"):
        for line in lines_of(text):
            for command in commands_in(line.replace("$BASE", str(ROOT / "examples" / "base"))):
                output = run(*_with_a_document_of_the_run(command))
                n_commands += 1
                assert command[:2] != ["curate", "sample"] or "duplicate" in output
    assert n_commands >= 16
    assert "no-replay" in Path("report.html").read_text()
    for name in ("find-out-why", "share-a-corpus"):
        for code in blocks(DOCS / "how-to" / f"{name}.md", "python"):
            exec(code.replace('"documents", "documents"', '"out/curate/contracts/documents", "documents"'), {})


def _with_a_document_of_the_run(command: list[str]) -> list[str]:
    """`curate why` names a document of the corpus that the page was written with; take the generated duplicate instead."""
    return [*command[:2], "007.txt", *command[3:]] if command[:2] == ["curate", "why"] else command


NOUNS = ["party", "agreement", "company", "notice", "payment", "term", "property", "office", "service", "state", "law", "date", "bank", "loan"]
VERBS = ["gives", "pays", "sends", "signs", "keeps", "holds", "requires", "grants", "receives", "makes", "ends", "changes", "accepts", "sells"]
WORDS = ["new", "written", "first", "public", "final", "annual", "joint", "general", "local", "federal", "other", "whole", "separate", "prior"]


def _write_text(folder: Path, suffix: str, seed: int) -> None:
    """English-looking text, a document a file; of ten one repeats the document before, one repeats it with a sentence more."""
    folder.mkdir()
    rng = random.Random(seed)
    text = ""
    for number in range(120):
        if number % 10 == 8:
            text += "\n\nOne more sentence at the end."
        elif number % 10 != 7:
            text = "\n\n".join(" ".join(_sentence(rng) for _ in range(5)) for _ in range(6))
        (folder / f"{number:03d}.{suffix}").write_text(text + "\n")


def _sentence(rng: random.Random) -> str:
    nouns, words = rng.sample(NOUNS, 4), rng.sample(WORDS, 3)
    return (
        f"The {words[0]} {nouns[0]} of the {nouns[1]} {rng.choice(VERBS)} a {words[1]} {nouns[2]} "
        f"to the {words[2]} {nouns[3]} in section {rng.randint(1, 99)} on that day."
    )
