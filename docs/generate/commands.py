"""The commands, with every argument and option, out of the typer applications."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from typer import Typer
from typer.models import ArgumentInfo, OptionInfo

import curate.cli
import eval.cli
import mix.cli
import tokenize_tools.cli
import train.cli
from docs.generate.recipes import escaped

APPS: dict[str, Typer] = {
    "curate": curate.cli.app,
    "tokenize": tokenize_tools.cli.app,
    "mix": mix.cli.app,
    "train": train.cli.app,
    "evaluate": eval.cli.app,
}
_PLAIN = {str: "text", Path: "path", int: "whole number", float: "number"}


def commands() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Each command as it is typed (`curate run`) and the function behind it, in the order of the help."""
    for name, app in APPS.items():
        for info in app.registered_commands:
            assert info.callback is not None
            yield f"{name} {info.name or info.callback.__name__.replace('_', '-')}", info.callback


def command_sections() -> str:
    """Markdown: a section for each application, and below it one for each of its commands."""
    parts = []
    for name, app in APPS.items():
        parts += [f"## {name}", escaped(str(app.info.help))]
        parts += [_section(title, function) for title, function in commands() if title.split()[0] == name]
    return "\n\n".join(parts)


def _section(title: str, function: Callable[..., Any]) -> str:
    parameters = [_Parameter(parameter) for parameter in inspect.signature(function, eval_str=True).parameters.values()]
    parameters.sort(key=lambda parameter: parameter.is_option)
    usage = " ".join([title, *(parameter.usage for parameter in parameters if parameter.usage)])
    table = ["| argument or option | value | meaning |", "|---|---|---|", *(parameter.row for parameter in parameters)] if parameters else []
    return "\n\n".join(part for part in (f"### {title}", escaped(function.__doc__ or ""), f"    {usage}", "\n".join(table)) if part)


class _Parameter:
    """An argument or option of a command, as its function's signature declares it."""

    def __init__(self, parameter: inspect.Parameter) -> None:
        self.kind, self.info = get_args(parameter.annotation)
        assert isinstance(self.info, OptionInfo | ArgumentInfo)
        self.is_option = isinstance(self.info, OptionInfo)
        self.required = parameter.default is inspect.Parameter.empty
        self.default = None if self.required else parameter.default
        self.name = parameter.name.strip("_")

    @property
    def names(self) -> list[str]:
        """As they are typed, e.g. `--bos` and `--no-bos`; an argument's in capitals."""
        if not self.is_option:
            return [str(self.info.metavar or self.name.upper())]
        option = "--" + self.name.replace("_", "-")
        first = self.info.default  # typer keeps the first name here when an option is declared in Annotated
        given = [*([first] if isinstance(first, str) else []), *(self.info.param_decls or ())]
        declared = given or ((option, f"--no-{option[2:]}") if self._is_flag else (option,))
        return [name for declaration in declared for name in declaration.split("/")]

    @property
    def usage(self) -> str:
        """How it stands in the usage line; empty for what may be left out."""
        if not self.required:
            return "" if self.is_option else f"[{self.names[0]}]"
        many = "…" if self._is_list else ""
        return f"{self.names[0]} {self.info.metavar or self.name.upper()}{many}" if self.is_option else f"{self.names[0]}{many}"

    @property
    def row(self) -> str:
        """The row of a table."""
        default = self.default if self.default is not True else self.names[0]
        words = "; required" if self.required else "" if default is None or default is False or default == "" else f"; default `{default}`"
        repeated = ", may be repeated" if self._is_list else ""
        return f"| {' '.join(f'`{name}`' for name in self.names)} | {self._type}{repeated}{words} | {escaped(self.info.help or '')} |"

    @property
    def _inner(self) -> Any:
        """The type without `| None` and `list`."""
        kind = self.kind
        while (get_args(kind) and get_origin(kind) is not Literal) and (NoneType in get_args(kind) or get_origin(kind) in (list, Annotated)):
            kind = next(argument for argument in get_args(kind) if argument is not NoneType)
        return kind

    @property
    def _is_flag(self) -> bool:
        return self._inner is bool

    @property
    def _is_list(self) -> bool:
        return any(get_origin(kind) is list for kind in (self.kind, *get_args(self.kind)))

    @property
    def _type(self) -> str:
        if get_origin(self._inner) is Literal:
            return " or ".join(f"`{choice}`" for choice in get_args(self._inner))
        if self._is_flag:
            return "flag"
        return _PLAIN[self._inner] + (f" from {self.info.min:,}" if self.info.min is not None else "")
