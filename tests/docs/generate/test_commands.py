"""Every command that the help lists stands in the reference, with the names that are typed."""

import pytest

from docs.generate.commands import APPS, command_sections, commands
from tests.commands import run

PAGE = command_sections()


@pytest.mark.parametrize("name", APPS)
def test_the_reference_has_the_commands_of_the_help(name):
    listed = [title.split()[1] for title, _ in commands() if title.split()[0] == name]
    text = run(name, "--help").split("Commands:\n")[1].split("\n\n")[0]
    assert [line.split()[0] for line in text.splitlines() if line.startswith("  ") and line[2:3].strip()] == listed


@pytest.mark.parametrize("title", ["curate why", "tokenize run", "mix reweight", "train plan", "evaluate run"])
def test_options_are_those_of_the_help(title):
    section = PAGE.split(f"### {title}\n")[1].split("\n### ")[0]
    text = run(*title.split(), "--help")
    options = {word.strip(",") for word in text.split() if word.startswith("--") and word.strip(",.") not in ("--help", "--debug", "--quiet")}
    documented = {name for line in section.splitlines() if line.startswith("| `-") for name in line.split("`") if name.startswith("--")}
    assert documented and documented <= options
