"""The libraries that encode, and a trial of each with a tokenizer in a child process, so that an abort or a hang does not end the command.

A trial takes a quarter of a second. Its result is cached by tokenizer and library version if the cache folder is writable. Workers run no
trials: the command has run them before workers start.
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
"""gigatoken starts in half of fastokens' time and is faster with word-start marks; otherwise they are about equally fast."""
CPU_SECONDS = 60
"""CPU time for loading a tokenizer and encoding the test texts (a few 10 kB); beyond it, a library counts as hanging."""
_WALL_SECONDS = 5 * CPU_SECONDS
FINE = "fine"
_MOST_CHARACTERS = 200


def in_order(names: Sequence[str], parsed: dict[str, Any]) -> Sequence[str]:
    """`names` in the order to try them with a tokenizer.json."""
    # gigatoken 0.10 normalizes by a newer Unicode than tokenizers and orders some combining marks differently, so it would fail the check.
    if "NF" not in str(parsed.get("normalizer")):
        return names
    return sorted(names, key=lambda name: (name == REFERENCE, name == "gigatoken"))


def problems(names: Sequence[str], json_text: str, sha256: str) -> dict[str, str | None]:
    """What each library did wrong in a child process, e.g. "ends the process (SIGABRT)"; None if nothing.

    An ordinary exception of a fast library is no problem, nor is a library that is not installed: `build` reports both. The reference must
    encode every test text. `json_text` is the text that all encoders are built from, `sha256` the hash of its file.
    """
    files = {name: file for name in names if (file := _cache_file(name, sha256)) is not None}
    answers = {name: _cached(file) for name, file in files.items()}
    open_names = [name for name in files if answers[name] is None]
    while open_names:
        answered, end = _in_child(open_names, json_text)
        answers |= answered
        for name in answered:
            _cache(files[name], answered[name])
        open_names = [name for name in open_names if name not in answered]
        if open_names:
            name = open_names.pop(0)
            answers[name], is_lasting = end
            if is_lasting:
                _cache(files[name], answers[name])
    return {name: None if answers.get(name, FINE) == FINE else answers[name] for name in names}


def _cache_file(name: str, sha256: str) -> Path | None:
    try:
        return cache_home() / "cptkit" / "tokenizers" / f"{sha256}.{name}-{version(name)}"
    except PackageNotFoundError:
        return None


def _cached(file: Path) -> str | None:
    with suppress(OSError, ValueError):
        return file.read_text(encoding="utf-8")[:_MOST_CHARACTERS].strip() or None
    return None


def _cache(file: Path, answer: str | None) -> None:
    with suppress(OSError, ShardError):  # the cache may be read-only
        write_atomically(file, f"{answer}\n".encode())


def _in_child(names: Sequence[str], json_text: str) -> tuple[dict[str, str | None], tuple[str, bool]]:
    """Answers by name up to the library that ended the child; how the child ended, and whether that would happen again."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from tokenize_tools.probed import main; main({list(names)!r}, {CPU_SECONDS})"
    try:
        child = subprocess.run([sys.executable, "-c", code], input=json_text.encode(), capture_output=True, timeout=_WALL_SECONDS)
        output, errors, end = child.stdout, child.stderr, child.returncode
    except subprocess.TimeoutExpired as error:
        output, errors, end = error.stdout or b"", b"", None
    answers = {}
    for line in output.splitlines():
        with suppress(ValueError):  # a crash may leave a partial line
            name, answer = json.loads(line)
            answers[name] = answer
    return answers, _end_in_words(end, errors)


def _end_in_words(code: int | None, errors: bytes) -> tuple[str, bool]:
    """How a library ended its child, and whether to cache that: not if a busy machine or lack of memory may be the cause."""
    if code is None:
        return f"does not finish within {_WALL_SECONDS} s", False
    if code == -signal.SIGXCPU:
        return f"does not finish within {CPU_SECONDS} s of CPU time", True
    last = printable_line(errors.decode(errors="replace").strip().rpartition("\n")[2])[:100]
    detail = f": {last}" if last else ""
    if code < 0:
        return f"ends the process ({signal.Signals(-code).name}{detail})", -code != signal.SIGKILL
    return f"ends the process (exit code {code}{detail})", True
