"""All signals, in groups that rule sets need together. Only the groups asked for are measured.

A signal is a function from `Block` to named arrays with one value per document. It is listed in GROUPS, or in a tuple SIGNALS of a Python file
of the user's, whose path is then the name of the group. How to add one: docs/how-to/add-a-signal.md.
"""

import importlib.util
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import numpy as np

from curate.errors import CurateError
from curate.signals.block import Block, empty_block
from curate.signals.code import code_shapes
from curate.signals.code_marks import encoded_data, file_marks, visible_text
from curate.signals.difficulty import compressibility, lexical_diversity, readability
from curate.signals.gopher_dclm import dclm_signals
from curate.signals.gopher_dolma import dolma_signals
from curate.signals.layout import line_shapes, list_lines, repeated_lines, sizes, symbols
from curate.signals.maths import formulas, maths_words
from curate.signals.repetition import repeated_runs
from curate.signals.sentences import line_sentences, long_lines
from curate.signals.wording import word_shapes

Signal = Callable[[Block], dict[str, np.ndarray]]

GROUPS: dict[str, tuple[Signal, ...]] = {
    "sizes": (sizes,),
    "gopher_quality": (word_shapes, symbols, list_lines),
    "gopher_repetition": (repeated_lines, repeated_runs),
    "c4": (line_sentences, long_lines),
    "fineweb": (line_shapes,),
    "dolma": (dolma_signals,),
    "dclm": (dclm_signals,),
    "code": (code_shapes, file_marks, encoded_data, visible_text),
    "maths": (formulas, maths_words),
    "difficulty": (compressibility, lexical_diversity, readability),
}
"""Group → functions, in the order of their columns."""

DEFAULT_GROUPS = ("sizes", "gopher_quality", "gopher_repetition", "c4", "fineweb")
"""Always measured by `curate run`, so that the default rule sets can be applied to any run. They cost little once words are split."""


def signals_of(groups: Iterable[str]) -> list[Signal]:
    """The functions of the groups, without repeats. Raises CurateError for an unknown group."""
    return list(dict.fromkeys(function for group in groups for function in load_group(group)))


def load_group(name: str) -> tuple[Signal, ...]:
    """A group of GROUPS by name, or the SIGNALS of a Python file by path. Raises CurateError."""
    if name in GROUPS:
        return GROUPS[name]
    if not name.endswith(".py"):
        raise CurateError(f"signals: no group is called {name}; there are {', '.join(GROUPS)}; for your own, give the path of a .py file")
    return _load_file(name)


@cache
def _load_file(path: str) -> tuple[Signal, ...]:
    spec = importlib.util.spec_from_file_location(f"cptkit_signals_{Path(path).stem}", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise CurateError(f"signals: {path}: no such file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return tuple(module.SIGNALS)
    except Exception as error:
        raise CurateError(f"signals: {path}: {type(error).__name__}: {error}; it must define SIGNALS, a tuple of functions") from None


@cache
def _names(group: str) -> tuple[str, ...]:
    """Column names of a group, found by calling its functions with no documents."""
    nothing = empty_block()
    return tuple(name for signal in load_group(group) for name in signal(nothing))


def signal_names(groups: Iterable[str] = DEFAULT_GROUPS) -> list[str]:
    """Names of the groups' signals, in column order."""
    return [name for group in groups for name in _names(group)]


def group_of(signal: str) -> str | None:
    """The group of GROUPS that measures the signal, or None."""
    return next((group for group in GROUPS if signal in _names(group)), None)


def groups_for(signals: Iterable[str], asked: Iterable[str] = ()) -> tuple[str, ...]:
    """The default groups, the groups asked for, and the groups that measure any of the signals, in a fixed order.

    Signals that no group measures are ignored, since other steps measure some. Raises CurateError for an unknown group.
    """
    asked = tuple(asked)
    signals_of(asked)
    needed = {*DEFAULT_GROUPS, *asked, *(group_of(name) for name in signals)}
    return tuple(group for group in [*GROUPS, *dict.fromkeys(name for name in asked if name not in GROUPS)] if group in needed)
