import json

from mix.runs.read import table_of
from mix.runs.show import describe, show
from tests.commands import run
from tests.mix.runs.tables import csv_file

COLUMNS = {
    "run": ["base", "a", "b", "c"],
    "seed": [None, 0, 1, 0],
    "tokens": [0, 1e6, 1e6, 1e6],
    "share.x": [None, 0.5, 0.5, 0.25],
    "share.y": [None, 0.5, 0.5, 0.75],
    "bits.x": [2.0, 1.0, 1.2, 1.5],
    "loss.z": [None, 3.0, None, None],
}


def test_a_table_is_described_in_numbers():
    runs, notes = table_of(COLUMNS)
    content = describe(runs, notes)
    assert (content["rows"], content["runs"], content["seeds"], content["kinds"]) == (4, 3, 2, {"base": 1, "trained": 3})
    assert [(source["name"], source["shares"]) for source in content["sources"]] == [("x", [0.25, 0.5]), ("y", [0.5, 0.75])]
    x, z = content["domains"]
    assert (x["unit"], x["runs"], x["losses"], x["base"], x["noise_freedom"]) == ("bits per byte", 3, [1.0, 1.5], 2.0, 1)
    assert abs(x["noise"] - 0.02**0.5) < 1e-12
    assert (z["unit"], z["runs"], z["losses"], z["base"], z["noise"]) == ("nats a token", 1, [3.0, 3.0], None, None)
    assert json.loads(json.dumps(content)) == content


def test_unknown_noise_is_printed_as_unknown(capsys):
    show(describe(*table_of(COLUMNS)))
    printed = capsys.readouterr().out
    domains = [line.split() for line in printed.splitlines() if "per byte" in line or "a token" in line]
    assert domains[0][-2:] == ["0.1414", "1"] and domains[1][-2:] == ["?", "?"]
    assert "3 (3 trained)" in printed and "taken as unknown: z (3)" in printed


def test_the_command_shows_and_writes_a_table(tmp_path):
    table = csv_file(tmp_path / "in.csv", "run,share.a,share.b,bits.a\nx,0.5,0.5,1\nx,0.5,0.5,1\ny,0.25,0.75,2")
    assert "1 duplicate row dropped" in run("mix", "runs", table, "--out", tmp_path / "out.parquet")
    content = json.loads(run("mix", "runs", tmp_path / "out.parquet", "--json", "--quiet"))
    assert content["runs"] == 2 and content["notes"] == []
    message = run("mix", "runs", table, "--out", tmp_path / "out.txt", code=2)
    assert "written as .csv or .parquet" in message
    (tmp_path / "mine.csv").write_text("not ours")
    run("mix", "runs", table, "--out", tmp_path / "mine.csv", code=2)
    assert (tmp_path / "mine.csv").read_text() == "not ours"
