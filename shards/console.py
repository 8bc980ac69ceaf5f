"""What all commands share at the terminal: errors as one line, progress, a closing summary.

Every command accepts `--debug` and `--quiet` anywhere on its command line. All output goes through `printable`, because messages contain user
input.
"""

import io
import json
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from shards.atomic import is_full_disk
from shards.errors import CptkitError
from shards.home import argument_with_home
from shards.memory import ADVICE, ran_out_of_memory
from shards.printable import log_printably, printable, printable_line
from shards.processes import end_children
from shards.shadows import warn_of_shadows
from shards.signals import end_on_signals, wait_if_ending

RecipeArgument = Annotated[Path, typer.Argument(help="Recipe (YAML).", show_default=False)]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="Override a key of the recipe: key.subkey=value; repeatable, applied before --out.")]
OutOption = Annotated[Path | None, typer.Option(help="Where to write; overrides the recipe's `out`.")]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="Processes; overrides the recipe's `workers`. The result does not depend on it.")]

EPILOG = "--debug shows tracebacks, --quiet shows only warnings, errors and the summary."
_LOG_SECONDS = 10.0

_quiet = False
_silent = False


def new_app(help_text: str, **options: Any) -> typer.Typer:
    """A typer application with the project's settings."""
    return typer.Typer(
        help=help_text, epilog=EPILOG, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, rich_markup_mode=None, **options
    )


def main(app: Any) -> None:
    """Run a command line. User errors end as `error: …` with exit code 2, internal errors as one line with exit code 70, signals as in `shards.signals`."""
    global _quiet
    debug = "--debug" in sys.argv
    _quiet = "--quiet" in sys.argv
    sys.argv = [argument_with_home(argument) for argument in sys.argv if argument not in ("--debug", "--quiet")]
    log_printably(logging.DEBUG if debug else logging.WARNING if _quiet else logging.INFO)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal in Latin-1 or ASCII loses letters, not the run
    for noisy in ("numba", "matplotlib", "urllib3", "filelock", "httpx", "fsspec", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    end_on_signals()
    try:
        warn_of_shadows()
        _refuse_unprintable(sys.argv)
        app()
    except Exception as error:
        wait_if_ending()
        end_children()
        if debug:
            print(printable(traceback.format_exc()), end="", file=sys.stderr)
            sys.exit(1)
        if isinstance(error, CptkitError):
            sys.exit(_fail(str(error), 2))
        if ran_out_of_memory(error):
            sys.exit(_fail(f"memory ran out ({type(error).__name__}: {error}); {ADVICE}", 2))
        if is_full_disk(error):  # often first raised for a library's own file, such as a compiled kernel
            location, reason = getattr(error, "filename", None), getattr(error, "strerror", None)
            sys.exit(_fail(f"{f'{location}: ' if location else ''}cannot write ({reason or error}); make room and run again, finished work is kept", 2))
        sys.exit(_fail(f"{type(error).__name__}: {error} (unexpected; --debug shows the traceback)", 70))


def _refuse_unprintable(arguments: list[str]) -> None:
    """Refuse arguments that are not UTF-8, because records, which are UTF-8, cannot name them."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise CptkitError(f"{argument}: this argument is not UTF-8; rename the file, or give its folder") from None


def common_options() -> list[str]:
    """The options --quiet and --debug as this command was given them, to pass on to another process of ours."""
    return ["--quiet"] * _quiet + ["--debug"] * logging.getLogger().isEnabledFor(logging.DEBUG)


def is_quiet() -> bool:
    """Whether progress is off: `--quiet` was given, or `be_silent` was called."""
    return _quiet


def be_silent() -> None:
    """Show only warnings and errors from now on: for all but one of the processes that do the same work."""
    global _quiet, _silent
    _quiet = _silent = True
    logging.getLogger().setLevel(logging.WARNING)


def _fail(message: str, code: int) -> int:
    print(f"error: {printable(message)}", file=sys.stderr)
    return code


class Meter:
    """Counts the work of one task bar. `advance(steps, **amounts)` adds to the bar and to named rates, e.g. docs=512, MB=1.3."""

    def __init__(self, description: str, total: int | None) -> None:
        self.description, self.total, self.done = printable_line(description), total, 0
        self.amounts: dict[str, float] = {}
        self.started = self._logged = time.monotonic()
        self.bar: Progress | None = None
        self.task: Any = None

    def advance(self, steps: int = 1, **amounts: float) -> None:
        """Add `steps` to the bar and `amounts` to the rates shown beside it."""
        self.done += steps
        for name, amount in amounts.items():
            self.amounts[name] = self.amounts.get(name, 0) + amount
        if self.bar is not None:
            self.bar.update(self.task, completed=self.done, rates=self.rates())
        elif not _quiet and time.monotonic() - self._logged > _LOG_SECONDS:
            self._logged = time.monotonic()
            logging.info("%s: %s of %s, %s", self.description, self.done, self.total or "?", self.rates())

    def describe(self, description: str) -> None:
        """Change the text in front of the bar, e.g. to show the latest loss."""
        self.description = printable_line(description)
        if self.bar is not None:
            self.bar.update(self.task, description=self.description)

    def rates(self) -> str:
        """E.g. `1,204 docs/s 8.1 MB/s`."""
        seconds = max(time.monotonic() - self.started, 1e-9)
        return "  ".join(f"{amount / seconds:,.{0 if amount / seconds >= 100 else 1}f} {name}/s" for name, amount in self.amounts.items())


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Meter]:
    """A progress bar on a terminal, a log line every 10 s elsewhere, nothing with --quiet."""
    meter = Meter(description, total)
    console = Console(stderr=True)
    if _quiet or not console.is_terminal:
        yield meter
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rates]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        meter.bar, meter.task = bar, bar.add_task(meter.description, total=total, rates="")
        yield meter


def summary(title: str, lines: Mapping[str, Any]) -> None:
    """The closing lines of a command: what was done and where it was written. Goes to standard output."""
    if _silent:
        return
    Console(soft_wrap=True, highlight=False).print(Text(printable_line(title), style="bold"))
    width = max((len(name) for name in lines), default=0)
    for name, value in lines.items():
        print(printable_line(f"  {name:<{width}}  {value}"))


def show_text(text: str) -> None:
    """Print text on standard output."""
    print(printable(text))


def print_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Print a plain table on standard output; cells are converted by `str` and never truncated."""
    table = Table(title=printable_line(title), title_justify="left", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(printable_line(column), justify="left" if index == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(printable_line(str(cell)) for cell in row))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = max(console.width, 200)
    console.print(table)


def show_or_dump(content: dict[str, Any], show: Callable[[dict[str, Any]], None], *, as_json: bool) -> None:
    """Print a command's result with its own `show`, or as one JSON object on standard output."""
    if as_json:
        show_text(json.dumps(content, indent=1, ensure_ascii=False))
    else:
        show(content)
