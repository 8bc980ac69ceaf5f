"""Nothing from an input reaches the terminal in a form that the terminal obeys."""

import ast
import logging
import sys
import unicodedata
import warnings
from pathlib import Path

import pytest
import typer

from shards import console
from shards.errors import ShardError
from shards.printable import printable, printable_line
from shards.stages import run_tasks

HOSTILE = "\x1b[31mred\x1b]0;title\x07 \x00 \x9b2J \u202egnp.exe \u2066x\u2069 \udcff\r"
ESCAPED = r"\u001b[31mred\u001b]0;title\u0007 \u0000 \u009b2J \u202egnp.exe \u2066x\u2069 \udcff\r"


def test_every_control_character_and_reordering_mark_is_escaped_and_every_letter_stays():
    for point in range(0x30000):
        char = chr(point)
        orders = unicodedata.bidirectional(char) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        unsafe = orders or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
        if unsafe:
            assert printable_line(char).isascii() and printable_line(char).isprintable(), hex(point)
        elif unicodedata.category(char)[0] in "LMNPSZ" or char in "\u200c\u200d":
            assert printable_line(char) == char, hex(point)


def test_line_feeds_and_tabs_stay_in_texts_and_are_escaped_within_a_line():
    assert printable("a\tb\nc") == "a\tb\nc"
    assert printable_line("a\tb\nc") == r"a\tb\nc"


def test_tables_summaries_texts_and_json_escape_what_inputs_hold(capsys):
    console.summary(HOSTILE, {HOSTILE: HOSTILE + "\n  written to  /elsewhere", "[/bold]": "[red]"})
    console.print_table(HOSTILE, [HOSTILE], [[HOSTILE]])
    console.show_text(HOSTILE)
    console.show_or_dump({"text": HOSTILE}, print, as_json=True)
    shown = capsys.readouterr().out
    assert shown.count(ESCAPED) == 8
    assert r"\n  written to" in shown and "[/bold]" in shown
    assert all(char == "\n" or char.isprintable() for char in shown)


@pytest.mark.parametrize("flag", ["--quiet", "--debug"])
def test_errors_log_lines_and_tracebacks_escape_what_inputs_hold(monkeypatch, capsys, flag):
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)

    @app.command()
    def fail() -> None:
        logging.warning("read %s", HOSTILE)
        raise ShardError(f"{HOSTILE}: no such file")

    root = logging.getLogger()
    kept, level = root.handlers, root.level
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(sys, "argv", ["command", flag])
    try:
        with pytest.raises(SystemExit) as ended:
            console.main(app)
    finally:
        root.handlers, console._quiet = kept, False
        root.setLevel(level)
        logging.captureWarnings(False)
    shown = capsys.readouterr().err
    assert ended.value.code == (1 if flag == "--debug" else 2)
    assert shown.count(ESCAPED) == 2
    assert all(char == "\n" or char.isprintable() for char in shown)


def warn(text: str) -> None:
    """A task that logs and warns."""
    logging.warning("from a worker: %s", text)
    warnings.warn(f"of a library: {text}", stacklevel=1)


def test_workers_escape_what_they_log(capfd):
    assert [result for _, result in run_tasks(warn, [HOSTILE] * 2, 2)] == [None, None]
    shown = capfd.readouterr().err
    assert shown.count(f"from a worker: {ESCAPED}") == shown.count(f"of a library: {ESCAPED}") == 2
    assert all(char in "\n\t" or char.isprintable() for char in shown)


def test_nothing_but_the_console_prints():
    """A direct print would show inputs unescaped."""
    root = Path(__file__).parents[2]
    printing = set()
    for room in ("shards", "curate", "tokenize_tools", "mix", "train", "eval"):
        for path in (root / room).rglob("*.py"):
            calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
            if any(isinstance(call.func, ast.Name) and call.func.id == "print" for call in calls):
                printing.add(str(path.relative_to(root)))
    assert printing == {"shards/console.py", "shards/signals.py"}
