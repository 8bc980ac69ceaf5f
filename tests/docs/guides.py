"""What a page shows: its recipes by file name, and its commands."""

import importlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
import yaml

from curate.recipe import CurateRecipe
from curate.synthesize.recipe import SynthesizeRecipe
from eval.probes.recipe import ProbesRecipe
from eval.recipe import EvaluateRecipe
from eval.report.recipe import ReportRecipe
from eval.tasks.recipe import TasksRecipe
from mix.fit.recipe import FitRecipe
from mix.proxies.recipe import ProxiesRecipe
from mix.recipe import MixRecipe
from mix.suggest.recipe import SuggestRecipe
from shards.recipe import Recipe, build_recipe
from tests.commands import MODULES
from train.merge.recipe import MergeRecipe
from train.recipe import TrainRecipe

ROOT = Path(__file__).parent.parent.parent
RECIPES: dict[str, type[Recipe]] = {
    "curate": CurateRecipe,
    "synthesize": SynthesizeRecipe,
    "mix": MixRecipe,
    "proxies": ProxiesRecipe,
    "fit": FitRecipe,
    "suggest": SuggestRecipe,
    "train": TrainRecipe,
    "merge": MergeRecipe,
    "evaluate": EvaluateRecipe,
    "tasks": TasksRecipe,
    "probes": ProbesRecipe,
    "report": ReportRecipe,
}
SMALLEST: dict[str, dict[str, Any]] = {
    "curate": {"name": "a", "inputs": ["a"]},
    "mix": {"name": "a", "sources": {"a": {"tokens": "a"}}, "stages": [{"tokens": 1000, "weights": {"a": 1}}]},
    "proxies": {"base": "a", "mix": {}, "train": {}, "evaluate": {}, "tokens": 1000, "design": {"kind": "grid", "step": 0.5}},
    "fit": {"runs": ["a"]},
    "suggest": {"fit": "a", "target": {"a": 1}, "out": "a"},
    "train": {"name": "a", "model": "a", "mix": "a"},
    "evaluate": {"name": "a", "models": {"a": "a"}, "baseline": "a", "domains": {"a": "a"}, "out": "a"},
    "tasks": {"name": "a", "models": {"a": "a"}, "baseline": "a", "tasks": {"a": {"items": "a"}}, "out": "a"},
    "probes": {"name": "a", "models": {"a": "a"}, "baseline": "a", "domains": {"a": "a"}, "out": "a"},
    "report": {"title": "a", "scores": "a", "out": "a"},
}
"""A recipe of each kind that fragments and `--set` are tried on."""


_OF_MIX = {"preview": "mix", "build": "mix", "extend": "mix", "proxies": "proxies", "fit": "fit", "suggest": "suggest"}
_BETWEEN = ";&|<>"
"""What ends the arguments of a command in a line of shell."""


@dataclass(frozen=True)
class Block:
    """A fenced block of YAML. Its first line names the file: `# mix.yaml`, or `# in mix.yaml` for a part of one."""

    file: str
    is_part: bool
    text: str

    @property
    def kind(self) -> str:
        """`mix` of recipes/mix-replay.yaml."""
        return Path(self.file).stem.split("-")[0]

    def raw(self) -> dict[str, Any]:
        """Its content, a part put into the smallest recipe of its kind."""
        content = yaml.safe_load(self.text)
        if not self.is_part:
            return content
        base = SMALLEST[self.kind]
        if self.kind == "mix" and content.keys() & {"tokens", "weights", "amounts"}:
            base = {key: value for key, value in base.items() if key != "stages"}
        return base | content


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def recipes(page: Path) -> list[Block]:
    """The YAML blocks of a page. Fails for one that does not name its file."""
    found = []
    for text in blocks(page, "yaml"):
        name = re.match(r"# (in )?(\S+\.yaml)", text)
        assert name, f"{page.name}: the first line of this block does not name its file, as in `# mix.yaml`:\n{text}"
        found.append(Block(name[2], bool(name[1]), text))
    return found


def commands(page: Path) -> list[list[str]]:
    """Every command of ours in the shell blocks of a page, as arguments; `torchrun … --no-python train` counts as `train`."""
    return [command for text in blocks(page, "sh") for line in lines_of(text) for command in commands_in(line)]


def lines_of(text: str) -> list[str]:
    """The lines of a block, continued ones joined; the variable of a `for` stands for its first value."""
    text = text.replace("\\\n", " ")
    for name, value in re.findall(r"\bfor (\w+) in ([^\s;]+)", text):
        text = text.replace(f"${name}", value)
    return text.splitlines()


def commands_in(line: str) -> list[list[str]]:
    """The commands of ours in a line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=_BETWEEN)
    lexer.whitespace_split = True
    parts: list[list[str]] = [[]]
    for token in lexer:
        if set(token) <= set(_BETWEEN):
            parts.append([])
        else:
            parts[-1].append(token)
    return [command for part in parts if (command := _ours(part))]


def _ours(part: list[str]) -> list[str]:
    if part and part[0] == "do":
        part = part[1:]
    while part and re.match(r"\w+=", part[0]):
        part = part[1:]
    if "torchrun" in part and "--no-python" in part:
        part = part[part.index("--no-python") + 1 :]
    return part if part and part[0] in MODULES else []


def check_command(command: list[str], shown: dict[str, dict[str, Any]]) -> None:
    """Fail unless the command takes these arguments; `shown` are the recipes of the page by file name, which `--set` is tried on."""
    name, *arguments = command
    if name == "train" and arguments[0].endswith(".yaml"):
        arguments = ["run", *arguments]
    subcommand = command_named(name, arguments[0])
    try:
        parameters = subcommand.make_context(arguments[0], arguments[1:]).params
    except Exception as error:
        raise AssertionError(f"{shlex.join(command)}: {getattr(error, 'message', error)}") from error
    kinds = {"tokenize": {}, "evaluate": {"run": "evaluate", "report": "report"}, "mix": _OF_MIX}
    kind = kinds[name].get(arguments[0], "") if name in kinds else name
    if parameters.get("set_") and kind:
        of_run = (raw for raw in shown.values() if raw.get("out") == str(parameters.get("folder")))
        raw = shown.get(str(parameters.get("recipe"))) or next(of_run, SMALLEST[kind])
        build_recipe(raw, RECIPES[kind], shlex.join(command), parameters["set_"])


def command_named(name: str, subcommand: str) -> Any:
    """The click command; fails if there is none."""
    group: Any = typer.main.get_command(importlib.import_module(MODULES[name]).app)
    assert subcommand in group.commands, f"there is no command `{name} {subcommand}`"
    return group.commands[subcommand]
