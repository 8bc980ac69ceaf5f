import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mix.errors import MixError
from mix.runs.read import read_runs, table_of
from tests.mix.runs.tables import csv_file

CURVES = """
run,   step, tokens, share.pile, share.python, loss.pile, loss.python
base,  0,    ,       ,           ,             2.87,      1.84
a,     1000, 5e8,    0.125,      0.875,        2.90,      1.51
a,     2000, 1e9,    0.125,      0.875,        2.92,      1.45
b,     1000, 5e8,    0.25,       0.75,         2.88,
"""


def test_curves_with_a_base_model_are_read_as_they_are(tmp_path):
    runs, notes = read_runs(csv_file(tmp_path / "ct.csv", CURVES))
    assert runs.run == ("base", "a", "a", "b")
    assert runs.kind == ("base", "trained", "trained", "trained")
    assert runs.sources == ("pile", "python") and runs.domains == ("pile", "python")
    assert runs.units == ("nats a token", "nats a token")
    assert runs.number("tokens")[1:].tolist() == [5e8, 1e9, 5e8] and np.isnan(runs.number("tokens")[0])
    assert np.isnan(runs.number("n_parameters")).all()
    assert np.isnan(runs.shares[0]).all() and runs.shares[1].tolist() == [0.125, 0.875]
    assert np.isnan(runs.losses[3, 1])
    assert notes == [f"{tmp_path / 'ct.csv'}: losses missing, NaN or infinite, taken as unknown: python (1)"]


def test_the_three_formats_give_the_same_table(tmp_path):
    csv_file(tmp_path / "a.csv", CURVES)
    rows = [
        {"run": "base", "step": 0, "loss": {"pile": 2.87, "python": 1.84}},
        {"run": "a", "step": 1000, "tokens": 5e8, "share.pile": 0.125, "share.python": 0.875, "loss.pile": 2.90, "loss.python": 1.51},
        {"run": "a", "step": 2000, "tokens": 1e9, "share.pile": 0.125, "share.python": 0.875, "loss.pile": 2.92, "loss.python": 1.45},
        {"run": "b", "step": 1000, "tokens": 5e8, "share": {"pile": 0.25, "python": 0.75}, "loss.pile": 2.88, "loss.python": None},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    flat = [{f"{k}.{i}" if isinstance(v, dict) else k: w for k, v in row.items() for i, w in (v.items() if isinstance(v, dict) else [(0, v)])} for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    pq.write_table(pa.table({name: [row.get(name) for row in flat] for name in names}), tmp_path / "a.parquet")
    first, *others = [read_runs(tmp_path / name)[0] for name in ("a.csv", "a.jsonl", "a.parquet")]
    for other in others:
        order = [other.sources.index(name) for name in first.sources]
        assert other.run == first.run and other.kind == first.kind and other.units == first.units
        np.testing.assert_array_equal(other.shares[:, order], first.shares)
        np.testing.assert_array_equal(other.losses[:, [other.domains.index(name) for name in first.domains]], first.losses)
        np.testing.assert_array_equal(other.number("step"), first.number("step"))


def test_sizes_without_steps_are_told_apart_by_their_tokens():
    columns = {"run": ["m", "m", "m"], "n_parameters": [1e8, 1e8, 3e8], "tokens": [1e9, 2e9, 1e9], "share.a": [1, 1, 1], "loss.a": [3.0, 2.9, 2.8]}
    runs, notes = table_of(columns)
    assert runs.run == ("m N=100000000", "m N=100000000", "m N=300000000")
    assert notes == ["table: 1 run with several values of n_parameters, each counted as a run of its own: m"]


def test_rows_without_names_are_runs_of_their_own():
    runs, notes = table_of({"share.a": [0.25, 0.5], "share.b": [0.75, 0.5], "bits.a": [1.0, 0.9]})
    assert runs.run == ("row 1", "row 2") and len(notes) == 1


def test_names_that_are_numbers_keep_their_zeros(tmp_path):
    runs, _ = read_runs(csv_file(tmp_path / "a.csv", "run,share.a,loss.a\n007,1,2.5"))
    assert runs.run == ("007",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run,share.a,loss.a\nx,1", "line 2: 2 cells, but the header has 3"),
        ("run,share.a,share.a,loss.a\nx,1,0,2", "column share.a appears twice"),
        ("run,share.a,loss.a\nx,1,two", "row 1, column loss.a: 'two' is not a number; leave the cell empty if it is unknown"),
        ("run,share.a,loss.a,n_params\nx,1,2,3", "unknown column n_params, did you mean n_parameters?"),
        ("run,share.a,loss.a,n_parameter\nx,1,2,3", "unknown column n_parameter, did you mean n_parameters?"),
        ("run,share.a,share.b,loss_a\nx,1,0,2", "unknown column loss_a, did you mean loss.a?"),
        ("run,Shares.a,loss.a\nx,1,2", "unknown column Shares.a, did you mean share.a?"),
        ("run,share.a,loss.a,bits.a\nx,1,2,1", "a: losses in both units; keep either loss.a"),
        ("run,loss.a\nx,2", "no column of shares; name them share.SOURCE"),
        ("run,share.a\nx,1", "no column of losses; name them loss.DOMAIN"),
        ("run,share.a,loss.a", "no rows; a table of runs has one row per run and step"),
        ("run,kind,share.a,loss.a\nx,trainde,1,2", "row 1: kind trainde: unknown; did you mean trained?"),
        ("run,share.a,loss.a,content.b\nx,1,2,ff", "content.b: no such source; known are a"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_in_one_line(tmp_path, text, message):
    path = csv_file(tmp_path / "runs.csv", text)
    with pytest.raises(MixError) as caught:
        read_runs(path)
    assert str(caught.value).startswith(str(path)) and message in str(caught.value) and "\n" not in str(caught.value)


def test_columns_that_resemble_none_of_ours_are_told_and_not_read(tmp_path):
    path = csv_file(tmp_path / "runs.csv", ",index,run,share.a,loss.a,comment,accuracy\n0,0,x,1,2,good,0.5")
    assert read_runs(path)[1] == [f"{path}: 2 columns not read: comment, accuracy"]


def test_files_of_other_kinds_are_refused(tmp_path):
    for name, message in (("a.csv", "no such table of runs"), ("a.xlsx", r"is a \.csv, \.jsonl, \.parquet file"), (".", "gather the runs in it")):
        with pytest.raises(MixError, match=message):
            read_runs(tmp_path / name)
    (tmp_path / "b.jsonl").write_text("[1]\n")
    (tmp_path / "c.parquet").write_bytes(b"nothing")
    for name in ("b.jsonl", "c.parquet"):
        with pytest.raises(MixError, match=name):
            read_runs(tmp_path / name)
