"""Ends a command at one file operation after another, as a kill or a power cut would, and runs it again: `python -m tests.crashes SPECIFICATION`.

One process loads the command and forks for every trial, so that a trial costs what the command does and no start of Python. The specification is a JSON
file: {"module", "arguments", "folder", "without", "sample"}; printed is {"n_operations", "faults"}.
"""

import builtins
import contextlib
import importlib
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.commands import MODULES, content

_EVENTS = {"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}
"""Python tells of these before they are done; replacing is renaming."""
_UNFINISHED = re.compile(r"\..*\.tmp|.*\.part|.*\.unfinished|\.cptkit\.lock")
_STRUCK = 99


class _Blow:
    """Counts file operations below `folder`, and ends the process at number `at`: before it, and for an opened file also after."""

    def __init__(self, folder: Path, at: int | None) -> None:
        self._folder, self._at, self.n = f"{folder}{os.sep}", at, 0

    def install(self) -> None:
        sys.addaudithook(self._hear)
        for module, name in ((builtins, "open"), (io, "open"), (os, "open"), (os, "fsync")):
            setattr(module, name, self._counted(getattr(module, name), opens=name == "open"))

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _EVENTS:
            counts = any(map(self._is_below, arguments[:2])) or (event == "os.remove" and arguments[1] != -1)
        else:
            counts = event == "open" and self._is_below(arguments[0]) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if counts:
            self._count()

    def _counted(self, function: Callable[..., Any], *, opens: bool) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if not opens:
                self._count()
                return function(*arguments, **options)
            result = function(*arguments, **options)
            writes = arguments[1:] and (arguments[1] & (os.O_WRONLY | os.O_RDWR) if isinstance(arguments[1], int) else set(arguments[1]) & set("wax+"))
            if writes and self._is_below(arguments[0]):
                self._count()
            return result

        return call

    def _is_below(self, path: object) -> bool:
        return isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(self._folder)

    def _count(self) -> None:
        if self.n == self._at:
            os._exit(_STRUCK)
        self.n += 1


def _trial(main: Callable[[], None], arguments: list[str], folder: Path, at: int | None) -> tuple[int, int, str, list[str]]:
    """Exit code, number of operations, output and loaded modules of the command in a process of its own."""
    log = folder.with_suffix(".log")
    log.unlink(missing_ok=True)
    child = os.fork()
    if not child:
        blow, output, code = _Blow(folder, at), io.StringIO(), 0
        sys.argv = [*arguments, "--out", str(folder / "out")]
        blow.install()
        try:
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
                main()
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException as error:
            code, _ = 70, output.write(repr(error))
        loaded = sorted(sys.modules)
        log.write_text(json.dumps([blow.n, output.getvalue(), loaded]))
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return (code, *json.loads(log.read_text())) if log.exists() else (code, 0, "", [])


def crash(specification: dict[str, Any]) -> dict[str, Any]:
    """See the module."""
    arguments, without, top = specification["arguments"], tuple(specification["without"]), Path(specification["folder"])
    main = importlib.import_module(MODULES[arguments[0]]).main
    whole, counted = top / "whole", top / "counted"
    for folder in (whole, counted):
        folder.mkdir(parents=True)
    code, _, output, loaded = _trial(main, arguments, whole, None)
    for name in loaded:  # so that no trial has to
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    n_operations, expected = _trial(main, arguments, counted, None)[1], content(whole, without=without)
    faults = [f"undisturbed: {code}: {output}"] if code else []
    faults += ["two undisturbed runs differ"] if content(counted, without=without) != expected else []
    sample = specification["sample"]
    points = range(n_operations) if sample is None else [round(index * (n_operations - 1) / (sample - 1)) for index in range(sample)]
    for at in points:
        folder = top / f"at-{at}"
        folder.mkdir()
        faults += [f"{at}: {fault}" for fault in _crash_at(main, arguments, folder, at, expected, without)]
        shutil.rmtree(folder)
    return {"n_operations": n_operations, "faults": faults}


def _crash_at(main: Callable[[], None], arguments: list[str], folder: Path, at: int, expected: dict[str, str], without: tuple[str, ...]) -> list[str]:
    """What is wrong after a blow at one operation and another run."""
    code = _trial(main, arguments, folder, at)[0]
    faults = [] if code == _STRUCK else [f"ended with {code} before it was struck"]
    there = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    code, _, output, _ = _trial(main, arguments, folder, None)
    found = content(folder, without=without)
    left = [path.name for path in folder.rglob("*") if _UNFINISHED.fullmatch(path.name)]
    different = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    is_refused_as_whole = code == 2 and "not empty" in output  # by a command that takes new folders alone, after a blow at its very end
    if (code and not is_refused_as_whole) or different or left:
        faults.append(f"exit code {code}, different {different}, left over {left}, said {output.strip()[-300:]!r}; struck with {there}")
    return faults


if __name__ == "__main__":
    print(json.dumps(crash(json.loads(Path(sys.argv[1]).read_text()))))
