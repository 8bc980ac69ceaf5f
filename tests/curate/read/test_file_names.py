import os
from pathlib import Path

from typer.testing import CliRunner

from curate.cli import app
from curate.read.file_names import file_bytes, file_name
from curate.read.files import list_files
from curate.read.recipe import InputRecipe
from shards.read import ShardSet
from tests.curate.corpus import recipe


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


ODD = [b"bad\xff\xfe.txt", b"new\nline.txt", b"back\\slash.txt", b"\\xff.txt", b"esc\x1b[31m.txt", b"\xc2\x85 c1.txt", "ü 日本.txt".encode()]


ODD += [b"-rf.txt", b" .txt", b"%s{}.txt"]


def test_any_file_name_becomes_text_and_can_be_restored() -> None:
    for name in [*ODD, bytes(range(1, 256)), b"\\\\", b"\\u0085", b"\xc2\x85\x85"]:
        text = file_name(os.fsdecode(name))
        assert file_bytes(text) == name and text.isprintable() and text.encode()
    assert file_name("plain/ü.txt") == "plain/ü.txt" and file_name(os.fsdecode(b"a\xffb\n")) == r"a\xffb\x0a"


def test_files_of_any_name_are_read_and_found_by_it(tmp_path: Path) -> None:
    write(tmp_path / "in", *ODD)
    output = curate(tmp_path, tmp_path / "in", tmp_path / "out")
    documents = ShardSet(tmp_path / "out" / "documents").to_table().to_pylist()
    assert {file_bytes(row["file"]) for row in documents} == set(ODD) and f"{len(ODD)} documents" in output
    assert "\x1b" not in output
    result = CliRunner().invoke(app, ["why", r"bad\xff\xfe.txt", "--run", str(tmp_path / "out")])
    assert result.exit_code == 0 and "kept" in result.output
