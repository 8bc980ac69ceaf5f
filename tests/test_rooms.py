"""Each room imports only what the table in docs/explanation/architecture.md allows, and runs with its own extra alone."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {"shards", "curate", "tokenize_tools", "mix", "train", "eval"}
ALLOWED = {
    "shards": (),
    "curate": ("shards",),
    "tokenize_tools": ("shards",),
    "mix": ("shards",),
    "train": ("shards", "mix.stream", "eval.bits"),
    "eval": ("shards", "curate.overlap"),
}
NOT_INSTALLED = {
    "curate.cli": ("torch", "transformers", "tokenizers", "tensorboard"),
    "tokenize_tools.cli": ("torch", "transformers", "polars", "numba", "spacy", "fasttext"),
    "mix.cli": ("torch", "transformers", "tokenizers", "polars", "spacy", "fasttext"),
    "shards.page": ("jinja2", "markupsafe", "matplotlib", "numpy", "torch", "polars"),
    "shards.remote": ("fsspec", "torch", "numba", "polars"),
    "mix.stream.datasets": ("transformers", "tokenizers", "polars", "numba", "spacy", "fasttext", "datatrove"),
    "mix.stream": ("torch", "fsspec", "transformers", "tokenizers", "polars", "numba", "spacy", "fasttext", "datatrove"),
    "train.cli": ("polars", "numba", "spacy", "fasttext", "datatrove", "matplotlib", "fastokens"),
    "train.run": ("polars", "numba", "spacy", "fasttext", "datatrove", "matplotlib", "fastokens"),
    "eval.contamination.overlap": ("polars", "numba", "regex", "spacy", "fasttext", "datatrove"),
    "eval.cli": ("polars", "numba", "spacy", "fasttext", "datatrove", "tensorboard", "lm_eval", "datasets"),
}


def imported_modules(path: Path) -> list[str]:
    modules = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return modules


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_imports_only_the_rooms_it_may(room):
    for path in (ROOT / room).rglob("*.py"):
        for module in imported_modules(path):
            other = module.split(".")[0]
            if other in ROOMS - {room} and "." in module:
                assert any(module == may or module.startswith(f"{may}.") for may in ALLOWED[room]), f"{path} imports {module}"


def test_evaluation_knows_curation_in_one_folder_only():
    for path in (ROOT / "eval").rglob("*.py"):
        if path.parent != ROOT / "eval" / "contamination":
            assert not [module for module in imported_modules(path) if module.startswith("curate.")], path


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_no_files_of_a_room_import_each_other_in_a_circle(room):
    """Imports inside functions count, too: they only hide a circle."""
    paths = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in (ROOT / room).rglob("*.py")}
    graph = {name: {module for module in imported_modules(path) if module in paths and module != name} for name, path in paths.items()}
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the files


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_pyarrows_parts_are_imported_where_they_are_used(room):
    """`import pyarrow as pa` does not import pyarrow.compute; that another library happens to import it is no promise."""
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "pa":
                assert node.attr not in ("compute", "csv", "dataset", "feather", "fs", "json", "parquet"), f"{path}:{node.lineno} uses pa.{node.attr}"


@pytest.mark.parametrize("module, missing", NOT_INSTALLED.items())
def test_a_room_loads_without_the_extras_of_the_others(module, missing):
    code = f"import sys\nfor name in {missing!r}: sys.modules[name] = None\nimport {module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
