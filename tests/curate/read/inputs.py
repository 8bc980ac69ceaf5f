"""Reads files through `list_files` and `read_part`, as a run does."""

from pathlib import Path

import pytest

from curate.pipeline.run import run
from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.part import FilePart
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
