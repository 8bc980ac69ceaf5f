"""spaCy without what its tokenizers have no use for: torch, wherever it is installed, and its commands, which load web clients and templates."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


def import_spacy() -> Any:
    """The module `spacy`. What was left out is loaded as usual when it is asked for."""
    if "spacy" in sys.modules:
        return sys.modules["spacy"]
    commands, info = ModuleType("spacy.cli"), ModuleType("spacy.cli.info")
    info.info = _info  # type: ignore[attr-defined]
    with _instead({"torch": None, "spacy.cli": commands, "spacy.cli.info": info}):
        return importlib.import_module("spacy")


def _info(*arguments: Any, **options: Any) -> Any:
    return importlib.import_module("spacy.cli.info").info(*arguments, **options)


@contextmanager
def _instead(modules: dict[str, ModuleType | None]) -> Iterator[None]:
    """Let imports find these; None: as if it were not installed. Those that are loaded already stay."""
    missing = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(missing)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]
