"""What tests of kills and signals need to know of processes: which descend from one, and that they end."""

import os
import time
from pathlib import Path

_MOST_SECONDS = 60
"""How long processes may take to end on a busy machine before a test calls them survivors."""


def descendants(root: int) -> set[int]:
    """Processes that descend from `root`, while their parents live; those that have ended and wait to be asked are left out."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (path / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(path.name)] = int(parent)
    found, last = set(), {root}
    while last:
        last = {pid for pid, parent in parents.items() if parent in last} - found
        found |= last
    return found


def marked(mark: str) -> set[int]:
    """Living processes whose environment holds `CPTKIT_TEST_MARK=mark`, as that of all descendants does."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            is_marked = f"CPTKIT_TEST_MARK={mark}".encode() in (path / "environ").read_bytes().split(b"\0")
            is_alive = (path / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            continue
        if is_marked and is_alive:
            found.add(int(path.name))
    return found


def survivors(mark: str) -> set[int]:
    """Marked processes that still live after a generous while; a test wants none."""
    deadline = time.monotonic() + _MOST_SECONDS
    while (alive := marked(mark) - {os.getpid()}) and time.monotonic() < deadline:
        time.sleep(0.1)
    return alive
