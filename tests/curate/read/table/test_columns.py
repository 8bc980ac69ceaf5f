"""Tables of every shape: what columns are called, what they hold, and what is wrong with them costs a verdict or a fault of the file."""

import datetime
import decimal
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.read.batch import FileFault
from curate.read.table.columns import distinct_names
from tests.curate.read.inputs import read

TEXTS = ["a", "b", None, "d"]


COLUMNS = {
    "null": (pa.nulls(4), None),
    "dictionary": (pa.array(["x", "y", "x", None]).dictionary_encode(), "x"),
    "list": (pa.array([[1, 2], [], None, [3]]), [1, 2]),
    "nested": (pa.array([{"a": 1, "b": [{"c": "x"}]}, None, None, None]), {"a": 1, "b": [{"c": "x"}]}),
    "map": (pa.array([[("k", 1)], [], None, None], pa.map_(pa.string(), pa.int64())), {"k": 1}),
    "date": (pa.array([datetime.date(2024, 1, 31)] * 4), "2024-01-31"),
    "decimal": (pa.array([decimal.Decimal("1.50")] * 4, pa.decimal256(50, 2)), "1.50"),
    "nan": (pa.array([float("nan"), 1.0, None, float("inf")]), None),
    "large": (pa.array([2**64 - 1] * 4, pa.uint64()), 2**64 - 1),
    "binary": (pa.array([b"\xff", None, b"", b"a"]), "ff"),
    "view": (pa.array(["x"] * 4, pa.string_view()), "x"),
    "list view": (pa.array([[1]] * 4, pa.list_view(pa.int8())), [1]),
    "runs": (pa.RunEndEncodedArray.from_arrays(pa.array([4], pa.int32()), pa.array(["x"])), "x"),
    "union": (pa.UnionArray.from_sparse(pa.array([0, 1, 0, 1], pa.int8()), [pa.array(list("abcd")), pa.array([1, 2, 3, 4])]), "a"),
    "interval": (pa.array([(1, 2, 3)] * 4, pa.month_day_nano_interval()), [1, 2, 3]),
}


def written(path: Path, table: pa.Table) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)
    return path


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_columns_of_any_type_become_metadata(tmp_path: Path, kind: str, suffix: str) -> None:
    column, first = COLUMNS[kind]
    try:
        path = written(tmp_path / f"a{suffix}", pa.table({"text": TEXTS, "x": column}))
    except pa.ArrowNotImplementedError:
        assert suffix == ".parquet" and kind in ("runs", "union", "interval")
        return
    rows = read(path)
    assert [row["text"] for row in rows] == TEXTS and json.loads(str(rows[0]["metadata"])) == {"x": first}


@pytest.mark.parametrize("kind", ["dictionary", "view", "runs", "binary", "null"])
def test_text_may_be_stored_in_many_ways(tmp_path: Path, kind: str) -> None:
    rows = read(written(tmp_path / "a.arrow", pa.table({"text": COLUMNS[kind][0]})))
    expected = {"binary": None, "null": None}.get(kind, "x")
    assert rows[0]["text"] == expected and (rows[0]["problem"] is not None) == (kind == "binary")


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_repeated_column_names_are_numbered_and_a_repeated_text_column_is_a_fault(tmp_path: Path, suffix: str) -> None:
    doubled = pa.Table.from_arrays([pa.array(TEXTS), pa.array([1] * 4), pa.array([2] * 4), pa.array([3] * 4)], names=["text", "id", "id", "url"])
    rows = read(written(tmp_path / f"a{suffix}", doubled))
    assert rows[0]["metadata"] == '{"id":1,"id_2":2}' and rows[0]["url"] == "3"
    twice = pa.Table.from_arrays([pa.array(TEXTS), pa.array(TEXTS)], names=["text", "text"])
    with pytest.raises(FileFault, match="2 columns are called 'text'; rename all but one"):
        read(written(tmp_path / f"b{suffix}", twice))


def test_repeated_names_get_numbers_that_are_free() -> None:
    assert distinct_names(["a", "a", "a_2", "a", "b", ""]) == ["a", "a_3", "a_2", "a_4", "b", ""]
    assert distinct_names(["a_2", "a", "a"]) == ["a_2", "a", "a_3"]
