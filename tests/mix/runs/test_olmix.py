import pytest

from mix.errors import MixError
from mix.runs.read import read_runs
from tests.mix.runs.tables import csv_file


def pair(folder, ratios, metrics):
    csv_file(folder / "ratios.csv", ratios)
    csv_file(folder / "metrics.csv", metrics)
    return folder


def test_a_pair_is_joined_by_run_and_runs_of_one_file_are_told(tmp_path):
    ratios = """
    run,  name, index, dclm, dclm:math
    r1,   x,    0,     0.25, 0.75
    r2,   y,    1,     0.5,  0.5
    r3,   z,    2,     1,    0
    """
    metrics = """
    ,  run, name, arc_bpb, hellaswag
    0, r4,  w,    1,       1
    1, r2,  y,    1.5,     0.9
    2, r1,  x,    1.25,    0.8
    3, r5,  v,    1,       1
    """
    runs, notes = read_runs(pair(tmp_path, ratios, metrics))
    assert runs.run == ("r2", "r1") and runs.sources == ("dclm", "dclm:math") and runs.domains == ("arc_bpb", "hellaswag")
    assert runs.shares.tolist() == [[0.5, 0.5], [0.25, 0.75]] and runs.losses.tolist() == [[1.5, 0.9], [1.25, 0.8]]
    assert notes == [
        f"{tmp_path}: 1 run in ratios.csv only, left out: r3",
        f"{tmp_path}: 2 runs in metrics.csv only, left out: r4, r5",
        f"{tmp_path / 'metrics.csv'}: 1 metric taken as bits per byte: hellaswag",
    ]


def test_names_of_metrics_say_their_unit(tmp_path):
    metrics = "run_id,eval/lm/pile/CE loss,eval/lm/pile/PPL,eval/downstream/arc (BPB v2),arc_bpb_loss\n1,2.5,12.2,1.1,1.0"
    runs, notes = read_runs(pair(tmp_path, "run_id,a\n1,1", metrics))
    assert dict(zip(runs.domains, runs.units, strict=True)) == {
        "eval/lm/pile/CE loss": "nats a token",
        "eval/downstream/arc (BPB v2)": "bits per byte",
        "arc_bpb_loss": "bits per byte",
    }
    assert notes == [f"{tmp_path / 'metrics.csv'}: 1 perplexity column left out: eval/lm/pile/PPL"]


def test_pairs_that_cannot_be_joined_are_refused(tmp_path):
    for number, (ratios, metrics, message) in enumerate(
        [
            ("run,a\n1,1", "run,x_bpb\n2,1", "no run is in both"),
            ("a\n1", "run,x_bpb\n2,1", "no column run"),
            ("run,a,b\n1,1,0\n1,0,1", "run,x_bpb\n1,1", r"run 1 has two rows with different shares \(rows 1 and 2\)"),
        ]
    ):
        with pytest.raises(MixError, match=message):
            read_runs(pair(tmp_path / str(number), ratios, metrics))


def test_repeated_rows_are_dropped(tmp_path):
    runs, notes = read_runs(pair(tmp_path, "run,a\n1,1\n1,1", "run,x_bpb\n1,2\n1,2"))
    assert len(runs) == 1 and notes == [f"{tmp_path}: 1 duplicate row dropped"]
