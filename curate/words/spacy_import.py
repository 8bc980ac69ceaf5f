"""Import spaCy while hiding what its tokenizers don't need: torch, and its commands, which load web clients and templates."""

import importlib
import sys
from types import ModuleType
from typing import Any

from shards.imports import modules_hidden


def import_spacy() -> Any:
    """The module `spacy`. Hidden modules are importable again afterwards."""
    if "spacy" in sys.modules:
        return sys.modules["spacy"]
    commands, info = ModuleType("spacy.cli"), ModuleType("spacy.cli.info")
    info.info = _info  # type: ignore[attr-defined]
    with modules_hidden(["torch"], {"spacy.cli": commands, "spacy.cli.info": info}):
        return importlib.import_module("spacy")


def _info(*arguments: Any, **options: Any) -> Any:
    return importlib.import_module("spacy.cli.info").info(*arguments, **options)
