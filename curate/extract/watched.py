"""Extract pages in a separate process, which is killed when a page takes too long and replaced after a crash.

Extractors are C libraries. Python's signals and threads cannot interrupt them, and their parsers have overflowed the stack before.
"""

import atexit
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache

from curate.errors import CurateError
from curate.extract.html import load_extractor
from curate.extract.recipe import ExtractRecipe
from curate.extract.worker import FAILED, REPLY, REQUEST
from shards.processes import interrupts_blocked

MAX_PAGE_BYTES = 20 << 20
"""Longer pages are not tried, as with trafilatura's MAX_FILE_SIZE. Common Crawl cuts pages at 1 MiB, since 2025 at 5 MiB."""
KILLED = "extract/killed"
"""Rule of pages whose process was killed twice from outside."""
_WALL_FACTOR, _WALL_SECONDS = 10, 60
"""A page is also ended after a wall time of ten times its CPU limit plus a minute."""


@dataclass(frozen=True)
class Extracted:
    """A page's text, or the rule (`extract/…`) that drops it and the reason."""

    text: str | None
    rule: str | None = None
    problem: str | None = None


class WatchedExtractor:
    """An extractor in a separate process, which starts with the first page and is replaced after a page that ended it."""

    def __init__(self, recipe: ExtractRecipe) -> None:
        self._recipe = recipe
        self._process: subprocess.Popen[bytes] | None = None
        self._died_of = ""
        self._lifeline: tuple[int, int] | None = None
        """A pipe whose write end only this process holds, so the worker sees it close when this process ends."""
        atexit.register(self.close)

    def extract(self, page: bytes, charset: str | None = None) -> Extracted:
        """The page's main content; `charset` is what the server stated.

        A page whose process is ended by a signal is tried again in a new process, because the result must depend on the page alone and the process may
        have been killed from outside.
        """
        if len(page) > MAX_PAGE_BYTES:
            return Extracted(None, "extract/too_long", f"page of {len(page)} bytes, more than {MAX_PAGE_BYTES >> 20} MiB")
        return self._attempt(page, charset) or self._attempt(page, charset) or self._crashed()

    def _attempt(self, page: bytes, charset: str | None) -> Extracted | None:
        """One attempt; None if the process died or was killed."""
        process = self._process = self._process or self._start()
        name = (charset or "").encode("ascii", errors="ignore")[:255]
        try:
            assert process.stdin is not None
            process.stdin.write(REQUEST.pack(len(page), len(name)) + name + page)
            process.stdin.flush()
            kind, size = REPLY.unpack(self._read(process, REPLY.size))
            text = self._read(process, size).decode()
        except (EOFError, BrokenPipeError):
            return self._ended()
        except TimeoutError:
            return self._timed_out()
        return Extracted(None, "extract/failed", text) if kind == FAILED else Extracted(text)

    def close(self) -> None:
        """Kill the worker process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _start(self) -> subprocess.Popen[bytes]:
        load_extractor(self._recipe.name)  # report a missing library in this process
        if self._lifeline is None:
            self._lifeline = os.pipe()
        command = [sys.executable, "-m", "curate.extract.worker", self._recipe.name, str(self._recipe.timeout), str(self._lifeline[0])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        with interrupts_blocked():
            return subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, pass_fds=self._lifeline[:1]
            )

    def _read(self, process: subprocess.Popen[bytes], size: int) -> bytes:
        assert process.stdout is not None
        handle, pieces = process.stdout.fileno(), []
        seconds = self._recipe.timeout * _WALL_FACTOR + _WALL_SECONDS
        while size:
            if not select.select([handle], [], [], seconds)[0]:
                raise TimeoutError
            piece = os.read(handle, size)
            if not piece:
                raise EOFError
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def _ended(self) -> Extracted | None:
        process, self._process = self._process, None
        assert process is not None
        process.communicate()
        if process.returncode == -signal.SIGPROF:
            return self._timed_out()
        if process.returncode > 0:
            raise CurateError(f"extract: the process of {self._recipe.name} cannot start (exit code {process.returncode})")
        self._died_of = signal.Signals(-process.returncode).name if process.returncode else "it ended by itself"
        return None

    def _crashed(self) -> Extracted:
        """The result of a page whose process died in both attempts."""
        if self._died_of == "SIGKILL":
            problem = f"the process of {self._recipe.name} was killed twice at the page (SIGKILL), as the system does when memory runs out; "
            problem += "delete the run's work folder and rerun with fewer workers to try it again"
            return Extracted(None, KILLED, problem)
        return Extracted(None, "extract/crashed", f"{self._recipe.name} crashed on the page in two tries ({self._died_of})")

    def _timed_out(self) -> Extracted:
        self.close()
        return Extracted(None, "extract/timeout", f"{self._recipe.name} took more than {self._recipe.timeout:g} s")


@lru_cache(maxsize=4)
def watched_extractor(recipe: ExtractRecipe) -> WatchedExtractor:
    """The extractor of this process for a recipe, created on the first call."""
    return WatchedExtractor(recipe)
