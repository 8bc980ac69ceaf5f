"""Reads files through `list_files` and `read_part`, as a run does."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate.cli import app
from curate.pipeline.run import run
from curate.read.batch import FileFault
from curate.read.documents import check_columns, read_part
from curate.read.files import list_files
from curate.read.part import FilePart, InputFile
from curate.read.recipe import InputRecipe
from curate.recipe import CurateRecipe
from shards.errors import CptkitError
from shards.recipe import load_recipe
from tests.curate.corpus import recipe


def recipe_of(tmp_path: Path, folder: Path, **changes: object) -> CurateRecipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe(folder, **{"rules": []} | changes))
    return load_recipe(path, CurateRecipe)


def refusal(tmp_path: Path, folder: Path, **changes: object) -> str:
    with pytest.raises(CptkitError) as caught:
        run(recipe_of(tmp_path, folder, **changes), tmp_path / "out", 1)
    message = str(caught.value)
    assert "\n" not in message
    return message


def raw(path: Path, **changes: object) -> list[dict[str, object]]:
    """Raw records of one file."""
    (file,), _ = list_files((InputRecipe(path=str(path), **changes),))  # type: ignore[arg-type]
    return [row for batch in read_part(FilePart(file)) for row in batch.to_pylist()]


def one_file(tmp_path: Path, name: str, content: bytes) -> Path:
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in" / name).write_bytes(content)
    return tmp_path / "in" / name


def write(folder: Path, *names: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(os.fsdecode(path)).write_bytes(b"A document about boats in " + ascii(name).encode())
    return folder


def names(path: object, out: Path | None = None, **keys: object) -> list[str]:
    return [file.name for file in list_files((InputRecipe(path=str(path), **keys),), out)[0]]  # type: ignore[arg-type]


def curate(tmp_path: Path, folder: object, out: object, **changes: object) -> str:
    (tmp_path / "recipe.yaml").write_text(recipe(folder, **{"rules": [], "language": None} | changes))  # type: ignore[arg-type]
    result = CliRunner().invoke(app, ["run", str(tmp_path / "recipe.yaml"), "--out", str(out)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.output


def faults(files: list[InputFile]) -> dict[str, str]:
    problems = {}
    for file in files:
        try:
            list(read_part(FilePart(file)))
        except FileFault as fault:
            problems[file.name] = str(fault)
    return problems


def read(path: Path) -> list[dict[str, object]]:
    files, _ = list_files((InputRecipe(path=str(path)),))
    check_columns(files)
    rows = []
    for batch in read_part(FilePart(files[0])):
        batch.validate(full=True)
        rows += batch.to_pylist()
    return rows
