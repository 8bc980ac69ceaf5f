"""One reproduced number beside the published one."""

from collections.abc import Callable
from dataclasses import dataclass

Value = float | list[float]


@dataclass(frozen=True)
class Figure:
    """A number that a law gives on published data.

    `key` is its name in the benchmark's last line, `published` what the paper or its data say, `required` the range in words, `met` whether `ours` lies in
    it.
    """

    key: str
    ours: Value
    published: Value | None
    required: str
    met: bool
    unit: str = ""


def show(figures: list[Figure], say: Callable[[str], None] = print) -> None:
    """One line per figure."""
    for figure in figures:
        mark = "met" if figure.met else "NOT MET"
        published = "-" if figure.published is None else text(figure.published)
        say(f"{figure.key:<16} {text(figure.ours):<34} published {published:<28} required {figure.required:<34} {mark} {figure.unit}")


def text(value: Value) -> str:
    """Numbers to five significant digits."""
    return ", ".join(f"{number:.5g}" for number in (value if isinstance(value, list) else [value]))
