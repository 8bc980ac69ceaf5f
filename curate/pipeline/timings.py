"""Where the time of a run went: not part of its result, so a file of its own that no set and no hash knows of."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shards.folder import write_owned
from shards.record import sealed


class Timings:
    """Seconds on the wall by stage, CPU seconds by step over all workers; of this start of the run alone."""

    def __init__(self) -> None:
        self._stages: list[dict[str, object]] = []
        self._steps: Counter[str] = Counter()

    @contextmanager
    def stage(self, name: str, n_tasks: int) -> Iterator[None]:
        """Time a block."""
        start = time.monotonic()
        yield
        self._stages.append({"stage": name, "tasks": n_tasks, "seconds": round(time.monotonic() - start, 3)})

    def add_steps(self, seconds: Mapping[str, float]) -> None:
        """CPU seconds by step, of one task."""
        self._steps.update(seconds)

    def write(self, path: Path) -> None:
        """As JSON, the longest step first."""
        steps = {name: round(seconds, 3) for name, seconds in self._steps.most_common()}
        write_owned(path, sealed({"stages": self._stages, "steps": steps}))
