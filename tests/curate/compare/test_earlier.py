import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from curate.dedup.interchange import run_index
from curate.dedup.rehydration import Distribution
from curate.errors import CurateError
from curate.inspect.rehydrate import _warnings, rehydrate
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from shards.errors import ShardError
from shards.read import ShardSet
from shards.record import sealed
from tests.curate.corpus import document, jsonl

LONG = {number: document(number, 60) for number in range(6)}


def near(number: int) -> str:
    return LONG[number] + "\nThe last line is another one."


def recipe(folder: Path, sources: dict[str, list[dict[str, object]]], **dedup: object) -> CurateRecipe:
    folder.mkdir(exist_ok=True)
    for name, records in sources.items():
        (folder / f"{name}.jsonl").write_bytes(jsonl(records))
    inputs = [{"path": str(folder / f"{name}.jsonl"), "source": name} for name in sources]
    return CurateRecipe.model_validate({"name": "t", "inputs": inputs, "language": None, "rules": [], "dedup": dedup})


def texts(out: Path) -> list[str]:
    return ShardSet(out / "documents").to_table()["text"].to_pylist()


def verdicts(out: Path) -> list[dict[str, object]]:
    return ShardSet(out / "verdicts").to_table(["row", "rule", "detail", "value"]).to_pylist()


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


def test_an_index_of_a_run_answers_for_other_programs(earlier: Path) -> None:
    index = run_index(earlier)
    kept = [row.hex() for row, text in zip(*ShardSet(earlier / "documents").to_table(["id", "text"]).to_pydict().values(), strict=True) if len(text) > 20]
    assert sorted(index.keys) == sorted(kept)


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("longest", 1),
        ("first", 0),
        ("shortest", 2),
        ({"oldest": "date"}, 1),
        ({"newest": "date"}, 2),
        ({"highest": "score"}, 2),
        ({"highest": "text_bytes"}, 1),
        ({"prefer": ["b"]}, 2),
        ([{"prefer": ["b", "a"]}, "first"], 2),
        ([{"prefer": ["a"]}, {"lowest": "score"}], 0),
    ],
)
def test_the_copy_that_stays_is_the_one_that_the_criteria_prefer(tmp_path: Path, keep: object, kept: int) -> None:
    copies = [LONG[3] + " One more.", LONG[3] + " And then one more.", LONG[3]]
    dates, scores = ["2021-03-01", "2019-12-31", "2024-01-01"], [1, 2.5, 10]
    records = [{"text": text, "date": date, "score": score} for text, date, score in zip(copies, dates, scores, strict=True)]
    run(recipe(tmp_path / "in", {"a": records[:2], "b": records[2:]}, keep=keep), tmp_path / "out", 1)
    assert texts(tmp_path / "out") == [copies[kept]]


def test_a_criterion_that_no_copy_has_is_an_error(tmp_path: Path) -> None:
    wanted = recipe(tmp_path / "in", {"a": [{"text": LONG[0]}, {"text": near(0)}]}, keep={"oldest": "born"})
    with pytest.raises(CurateError, match=r"dedup\.keep: born: no duplicate has it"):
        run(wanted, tmp_path / "out", 1)


def test_with_verification_nothing_goes_for_a_document_it_does_not_resemble(tmp_path: Path) -> None:
    words = document(9, 200).split()
    chain = [{"text": " ".join(words[start : start + 700])} for start in range(0, 1400, 50)]
    counts = {}
    for verify in (None, 0.8):
        out = tmp_path / str(verify)
        run(recipe(tmp_path / "in", {"a": chain}, minhash={"verify": verify}, keep="first"), out, 1)
        counts[verify] = len(texts(out))
    values = [verdict["value"] for verdict in verdicts(tmp_path / "0.8")]
    assert counts[None] == 1 and counts[0.8] > 3 and min(values) >= 0.8


def test_without_signatures_the_same_documents_stay_and_similarity_is_not_told(tmp_path: Path, earlier: Path) -> None:
    run(recipe(tmp_path / "in", {"a": [{"text": LONG[0]}, {"text": near(0)}]}, minhash={"signatures": False}), tmp_path / "out", 1)
    assert texts(tmp_path / "out") == [near(0)] and verdicts(tmp_path / "out")[0]["value"] is None
    with pytest.raises(CurateError, match="no signatures"):
        run_index(tmp_path / "out")


@pytest.mark.parametrize("dedup, kept", [({"exact": True}, 2), ({"exact": "yes", "keep": "first"}, 2), ({"exact": True, "minhash": {}}, 1), ({}, 1)])
def test_exact_alone_leaves_near_copies_in_and_makes_no_signatures(tmp_path: Path, dedup: dict[str, object], kept: int) -> None:
    run(recipe(tmp_path / "in", {"a": [{"text": LONG[0]}, {"text": LONG[0]}, {"text": near(0)}]}, **dedup), tmp_path / "out", 1)
    assert len(texts(tmp_path / "out")) == kept
    assert (tmp_path / "out" / "bands").exists() == (kept == 1)


def test_rates_of_removal_by_cluster_size_give_repeats_and_sets_that_a_mix_can_take(tmp_path: Path) -> None:
    records = [{"text": text} for number in range(30) for text in [document(number, 20)] * (2 if number < 15 else 1)]
    records += [{"text": f"A page with too few words to be kept, and its number is {'x' * number}."} for number in range(12)]
    chosen = recipe(tmp_path / "in", {"a": records}, before_rules=True, minhash=None).model_copy(update={"rules": CurateRecipe.model_fields["rules"].default})
    run(chosen, tmp_path / "out", 1)
    with pytest.raises(CurateError, match=r"42 documents survived .* --min-documents 42"):
        rehydrate(tmp_path / "out", tmp_path / "sets", 4)
    result = rehydrate(tmp_path / "out", tmp_path / "sets", 4, min_documents=42)
    assert result["cluster_sizes"] == [1, 2] and result["survivors"] == [27, 15] and result["removal_rates"] == [12 / 27, 0.0]
    assert result["weights"] == {1: 1, 2: 4} and result["documents"] == 30 and result["documents_seen"] == 15 + 4 * 15
    sizes = {name: np.unique(ShardSet(tmp_path / "sets" / name).to_table()["cluster_size"]).tolist() for name in ("repeats-01", "repeats-04")}
    assert sizes == {"repeats-01": [1], "repeats-04": [2]}
    assert result["warnings"] == ["the best cluster size, 2, which is repeated most, has only 15 documents"]
    assert json.loads((tmp_path / "out" / "rehydration.json").read_text())["weights"] == {"1": 1, "2": 4}


def test_a_rate_that_chance_explains_is_told() -> None:
    assert _warnings(Distribution(np.array([1, 2]), np.array([5000, 4000]), np.array([1500, 800]))) == []
    (told,) = _warnings(Distribution(np.array([1, 2]), np.array([5000, 400]), np.array([1000, 76])))
    assert told.startswith("rules drop 19.0% of the best cluster size, 2, and 19.9% of all documents")


def test_a_run_that_looked_for_copies_after_rules_cannot_be_rehydrated(earlier: Path) -> None:
    with pytest.raises(CurateError, match=r"set dedup\.before_rules: true"):
        rehydrate(earlier, None, 10)


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
