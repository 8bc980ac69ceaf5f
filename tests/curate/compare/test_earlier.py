import json
import shutil
from pathlib import Path

import pytest

from curate.dedup.interchange import run_index
from curate.errors import CurateError
from curate.pipeline.run import run
from shards.errors import ShardError
from shards.read import ShardSet
from shards.record import sealed
from tests.curate.compare.copies import LONG, near, recipe, texts, verdicts


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("earlier")
    run(recipe(folder / "in", {"a": [{"text": LONG[0]}, {"text": LONG[1]}, {"text": near(1)}, {"text": "too short"}]}), folder / "out", 1)
    return folder / "out"


def test_a_copy_of_what_an_earlier_run_kept_is_dropped_with_a_verdict_that_names_it(tmp_path: Path, earlier: Path) -> None:
    records = [{"text": near(0)}, {"text": LONG[2]}, {"text": near(1)}, {"text": near(2)}, {"text": "too short"}]
    run(recipe(tmp_path / "in", {"b": records}, against=[str(earlier)]), tmp_path / "out", 1)
    assert texts(tmp_path / "out") == [near(2)]
    found = {verdict["row"]: verdict for verdict in verdicts(tmp_path / "out")}
    assert {row: verdict["rule"] for row, verdict in found.items()} == {0: "minhash/earlier", 1: "minhash/duplicate", 2: "exact/earlier", 4: "exact/earlier"}
    names = [
        f"{row['id'].hex()} {row['file']}:{row['row']} in {earlier}" for row in ShardSet(earlier / "documents").to_table(["id", "file", "row"]).to_pylist()
    ]
    assert [found[row]["detail"] for row in (0, 2, 4)] == names


def test_runs_with_other_signatures_or_none_are_refused_with_what_differs(tmp_path: Path, earlier: Path) -> None:
    other = recipe(tmp_path / "in", {"b": [{"text": LONG[0]}]}, against=[str(earlier)], minhash={"buckets": 20})
    with pytest.raises(CurateError, match="buckets 14 there, 20 here"):
        run(other, tmp_path / "out", 1)
    with pytest.raises(CurateError, match="nowhere holds no finished run"):
        run(recipe(tmp_path / "in", {"b": [{"text": LONG[0]}]}, against=["nowhere"]), tmp_path / "out", 1)


@pytest.mark.parametrize("edit", [{"ngram": 0}, {"buckets": 2**40}, {"hash": "md5"}, {"seed": "one"}, None])
def test_signatures_whose_making_makes_no_sense_are_named(tmp_path: Path, earlier: Path, edit: dict[str, object] | None) -> None:
    shutil.copytree(earlier, tmp_path / "edited")
    for name in ("bands", "signatures"):
        path = tmp_path / "edited" / name / "manifest.json"
        content = json.loads(path.read_text())
        content["info"]["signature"] = None if edit is None else content["info"]["signature"] | edit
        path.write_bytes(sealed(content))
    with pytest.raises(ShardError, match=r"bands/manifest.json: .*signature"):
        run_index(tmp_path / "edited")
    with pytest.raises(ShardError, match=r"bands/manifest.json: .*signature"):
        run(recipe(tmp_path / "in", {"b": [{"text": LONG[0]}]}, against=[str(tmp_path / "edited")]), tmp_path / "out", 1)
