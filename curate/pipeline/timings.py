"""How long each stage and step of a run took. Not part of the result, so it is a file of its own, outside all sets and hashes."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shards.folder import write_owned
from shards.record import sealed


class Timings:
    """Wall-clock seconds by stage and CPU seconds by step over all workers, of this invocation only."""

    def __init__(self) -> None:
        self._stages: list[dict[str, object]] = []
        self._steps: Counter[str] = Counter()

    @contextmanager
    def stage(self, name: str, n_tasks: int) -> Iterator[None]:
        """Time a block as a stage."""
        start = time.monotonic()
        yield
        self._stages.append({"stage": name, "tasks": n_tasks, "seconds": round(time.monotonic() - start, 3)})

    def add_steps(self, seconds: Mapping[str, float]) -> None:
        """Add the CPU seconds by step of one task."""
        self._steps.update(seconds)

    def write(self, path: Path) -> None:
        """Write JSON, longest step first."""
        steps = {name: round(seconds, 3) for name, seconds in self._steps.most_common()}
        write_owned(path, sealed({"stages": self._stages, "steps": steps}))
