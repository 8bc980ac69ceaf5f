"""Warns of files in the current folder that Python would import instead of our packages, because they have the same names.

`python -m train` and `torchrun -m train` search the current folder first, and `train.py` and `eval.py` are common names. The installed commands do not
search it, unless PYTHONPATH names it.
"""

import logging
import sys
from pathlib import Path

PACKAGES = ("curate", "eval", "mix", "shards", "tokenize_tools", "train")
_ROOT = Path(__file__).resolve().parent.parent


def warn_of_shadows() -> None:
    """Log a warning for each of our packages that a folder of `sys.path` hides: those folders that Python searches before ours."""
    for name, path in shadows(sys.path):
        logging.warning("%s hides cptkit's package %s from Python; rename it, or take its folder off PYTHONPATH, and do not start commands with -m", path, name)


def shadows(search_path: list[str]) -> list[tuple[str, Path]]:
    """(package, path of the module that hides it) for modules in folders of `search_path` before the one that holds our packages."""
    hidden = []
    for entry in search_path:
        folder = Path(entry or ".").resolve()
        if folder == _ROOT:
            break
        for name in PACKAGES:
            module = next((path for path in (folder / name / "__init__.py", folder / f"{name}.py") if path.is_file()), None)
            if module is not None:
                hidden.append((name, module))
    return hidden
