import json
from pathlib import Path

from backports import zstd

from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.recipe import InputRecipe
from curate.read.tasks import cut_tasks
from tests.curate.corpus import document


def test_large_files_are_cut_by_their_bytes_alone(tmp_path: Path) -> None:
    data = b"".join(json.dumps({"text": document(index)}).encode() + b"\n" for index in range(2000))
    (tmp_path / "a.jsonl").write_bytes(data)
    (tmp_path / "b.jsonl.zst").write_bytes(zstd.compress(data))
    files, _ = list_files((InputRecipe(path=str(tmp_path)),))
    tasks = cut_tasks(files, 50_000)
    assert tasks == cut_tasks(files, 50_000)
    parts = [part for task in tasks for part in task.parts]
    assert 2 < len([part for part in parts if part.file.name == "b.jsonl.zst"]) <= 16
    for name in ("a.jsonl", "b.jsonl.zst"):
        rows = [row for part in parts if part.file.name == name for batch in read_part(part) for row in batch["row"].to_pylist()]
        assert rows == list(range(2000))
