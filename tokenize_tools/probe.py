"""The libraries that encode, and a trial of each with a tokenizer in a child process, so that an abort or a hang does not end the command.

Results are cached by tokenizer and library version in the cache folder where it is writable, so that the quarter of a second is spent once
per tokenizer. Workers try nothing: the command has done so before they start.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from shards.atomic import write_atomically
from shards.environment import cache_home
from shards.errors import ShardError
from shards.printable import printable_line

REFERENCE = "tokenizers"
FAST = ("gigatoken", "fastokens")
"""gigatoken starts in half of fastokens' time and takes word-start marks faster; beyond that they are about equal."""
CPU_SECONDS = 60
"""What a library may take to load a tokenizer and encode the test texts (a few 10 kB), before it is said to hang."""
_WALL_SECONDS = 5 * CPU_SECONDS
FINE = "fine"
_MOST_CHARACTERS = 200


def in_order(names: Sequence[str], parsed: dict[str, Any]) -> Sequence[str]:
    """`names` as they are to be tried with a tokenizer.json."""
    # gigatoken 0.10 composes by a newer Unicode than tokenizers: its order of combining marks differs, so it would only fail the check.
    if "NF" not in str(parsed.get("normalizer")):
        return names
    return sorted(names, key=lambda name: (name == REFERENCE, name == "gigatoken"))


def problems(names: Sequence[str], json_text: str, sha256: str) -> dict[str, str | None]:
    """What each library did to a child process that encoded with the tokenizer, e.g. "aborts (SIGABRT)"; None: nothing.

    A fast library that only says that it cannot is no problem, nor is one that is not installed: it will say so here as well. The reference
    must encode every test text.
    `json_text`: the text that all encoders are built from, `sha256`: of the file that it comes from.
    """
    places = {name: place for name in names if (place := _place(name, sha256)) is not None}
    answers = {name: _kept(place) for name, place in places.items()}
    open_names = [name for name in places if answers[name] is None]
    while open_names:
        answered, end = _in_child(open_names, json_text)
        answers |= answered
        for name in answered:
            _keep(places[name], answered[name])
        open_names = [name for name in open_names if name not in answered]
        if open_names:
            name = open_names.pop(0)
            answers[name], is_lasting = end
            if is_lasting:
                _keep(places[name], answers[name])
    return {name: None if answers.get(name, FINE) == FINE else answers[name] for name in names}


def _place(name: str, sha256: str) -> Path | None:
    try:
        return cache_home() / "cptkit" / "tokenizers" / f"{sha256}.{name}-{version(name)}"
    except PackageNotFoundError:
        return None


def _kept(place: Path) -> str | None:
    with suppress(OSError, ValueError):
        return place.read_text(encoding="utf-8")[:_MOST_CHARACTERS].strip() or None
    return None


def _keep(place: Path, answer: str | None) -> None:
    with suppress(OSError, ShardError):  # a cache that cannot be written to
        write_atomically(place, f"{answer}\n".encode())


def _in_child(names: Sequence[str], json_text: str) -> tuple[dict[str, str | None], tuple[str, bool]]:
    """Answers by name, in order up to the library at which the child ended; how it ended, and whether it would do so again."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from tokenize_tools.probed import main; main({list(names)!r}, {CPU_SECONDS})"
    try:
        done = subprocess.run([sys.executable, "-c", code], input=json_text.encode(), capture_output=True, timeout=_WALL_SECONDS)
        output, errors, end = done.stdout, done.stderr, done.returncode
    except subprocess.TimeoutExpired as error:
        output, errors, end = error.stdout or b"", b"", None
    answers = {}
    for line in output.splitlines():
        with suppress(ValueError):  # the end of a child may cut a line
            name, answer = json.loads(line)
            answers[name] = answer
    return answers, _end_in_words(end, errors)


def _end_in_words(code: int | None, errors: bytes) -> tuple[str, bool]:
    """What the end of a child says of the library, and whether it is worth keeping: not what a busy machine, or one short of memory, may have done."""
    if code is None:
        return f"does not come to an end with it within {_WALL_SECONDS} s", False
    if code == -signal.SIGXCPU:
        return f"does not come to an end with it within {CPU_SECONDS} s of computing", True
    last = printable_line(errors.decode(errors="replace").strip().rpartition("\n")[2])[:100]
    told = f": {last}" if last else ""
    if code < 0:
        return f"ends the process with it ({signal.Signals(-code).name}{told})", -code != signal.SIGKILL
    return f"ends the process with it (exit code {code}{told})", True
