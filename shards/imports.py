"""Import a library while hiding optional dependencies that it would load."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def modules_hidden(names: Sequence[str], stand_ins: Mapping[str, ModuleType] | None = None) -> Iterator[None]:
    """Within the block, top-level modules `names` appear not to be installed, and `stand_ins` replace the modules of their names.

    Modules that are already loaded stay as they are; after the block all modules can be imported as usual.
    """
    absent = _Absent(frozenset(names))
    placed = {name: module for name, module in (stand_ins or {}).items() if name not in sys.modules}
    sys.meta_path.insert(0, absent)  # type: ignore[arg-type]
    sys.modules.update(placed)
    try:
        yield
    finally:
        sys.meta_path.remove(absent)  # type: ignore[arg-type]
        for name in placed:
            del sys.modules[name]


class _Absent:
    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Finder interface of importlib. Raises ModuleNotFoundError for the hidden modules."""
        if name in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
