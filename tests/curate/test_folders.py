"""The folders of curate import each other in one direction, so that a reader who goes down never comes up again."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

CURATE = Path(__file__).parents[2] / "curate"
PRELOADER = CURATE / "pipeline" / "preload.py"
"""Loads the whole command ahead of the workers, so it imports what lies above it, too."""


def _imported(path: Path) -> set[str]:
    """Folders, and files beside them, of curate that a file imports, imports inside functions included."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return {node.module.split(".")[1] for node in nodes if node.module is not None and node.module.startswith("curate.")}


def test_folders_import_each_other_in_one_direction() -> None:
    graph: dict[str, set[str]] = {}
    for path in CURATE.rglob("*.py"):
        if path != PRELOADER:
            name = path.relative_to(CURATE).parts[0].removesuffix(".py")
            graph.setdefault(name, set()).update(_imported(path) - {name})
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the folders
    assert order.index("kernels") < order.index("words") < order.index("signals") < order.index("steps") < order.index("pipeline") < order.index("cli")
