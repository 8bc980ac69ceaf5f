import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.read.batch import FileFault
from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.recipe import InputRecipe
from curate.read.tasks import cut_tasks
from tests.curate.corpus import document
from tests.curate.read.inputs import one_file, raw


def test_a_broken_parquet_file_is_a_fault(tmp_path: Path) -> None:
    path = one_file(tmp_path, "a.parquet", b"PAR1 but not really")
    with pytest.raises(FileFault, match="not a readable Parquet file"):
        raw(path)


def test_a_large_parquet_file_is_cut_by_row_groups_without_loss(tmp_path: Path) -> None:
    table = pa.table({"text": [document(index) for index in range(100)], "n": list(range(100))})
    path = one_file(tmp_path, "a.parquet", b"")
    pq.write_table(table, path, row_group_size=10)
    files, _ = list_files((InputRecipe(path=str(path)),))
    tasks = cut_tasks(files, 20_000)
    rows = [row for task in tasks for part in task.parts for batch in read_part(part) for row in batch.to_pylist()]
    assert len(tasks) > 2 and [row["row"] for row in rows] == list(range(100))
    assert [row["text"] for row in rows] == table["text"].to_pylist()
    assert json.loads(rows[42]["metadata"]) == {"n": 42}
