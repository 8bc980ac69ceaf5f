"""Held-out documents that stand in training sets are refused, reported or left out."""

import sys

import numpy as np
import pytest

from curate.overlap.items import OverlapItem
from curate.overlap.recipe import ComparisonRecipe
from curate.overlap.run import find_overlap
from eval.errors import EvalError
from eval.report.record import SummaryRecord
from eval.run import run
from shards.read import ShardSet
from shards.record import read_record
from tests.curate.overlap.texts import prose
from tests.eval.conftest import save_documents


def texts(n: int, n_words: int = 30) -> list[str]:
    random = np.random.default_rng(n_words)
    return [prose(random, n_words) for _ in range(n)]


@pytest.fixture
def leaky(recipe, tmp_path):
    """Of 20 held-out documents, one is a training document and one differs from one by a character."""
    held_out = texts(20)
    training = [*texts(5, 25), held_out[3], held_out[7][:-1] + "x"]

    def build(**changes):
        changes = {"train_documents": [save_documents(tmp_path / "train", training)], "contaminated": "report"} | changes
        return recipe(domains={"domain": {"documents": save_documents(tmp_path / "held_out", held_out)}}, **changes)

    return build


def test_a_copy_with_one_character_edited_is_refused_as_an_exact_one_is(leaky, recipe, tmp_path):
    with pytest.raises(
        EvalError, match=r"domain domain: 2 of its 20 held-out documents are training documents, or nearly, .* is also document .* of .*train; .*leave_out"
    ):
        run(leaky(contaminated="refuse"))
    edited = save_documents(tmp_path / "edited", [texts(20)[7][:-1] + "x"])
    with pytest.raises(EvalError, match=r"domain domain: 1 of its 20 .* shares 93% of all word 5-grams with document .*edited"):
        run(leaky(contaminated="refuse", train_documents=[edited]))


def test_documents_that_share_parts_with_training_documents_are_reported_by_default(leaky, tmp_path):
    parts = save_documents(tmp_path / "parts", [" ".join([*texts(20)[7].split()[:20], *texts(1, 26)[0].split()])])
    section = run(leaky(contaminated="refuse", train_documents=[parts]))["contamination"]
    assert section["domains"]["domain"]["contained"] == 1 and {row["documents"] for row in section["differences"]} == {19}


def test_reported_documents_are_scored_and_scores_without_them_stand_beside(leaky):
    reported, left_out = run(leaky(out=leaky().out / "reported")), run(leaky(contaminated="leave_out", out=leaky().out / "left"))
    section = reported["contamination"]
    assert (section["domains"]["domain"]["exact"], section["domains"]["domain"]["near"], section["domains"]["domain"]["items"]) == (1, 1, 20)
    assert [row["documents"] for row in reported["scores"]] == [20, 20] and [row["documents"] for row in left_out["scores"]] == [18, 18]
    assert [row["value"] for row in section["scores"]] == [row["bits_per_byte"] for row in left_out["scores"]]
    assert [(row["delta"], row["low"], row["high"]) for row in section["differences"]] == [
        (row["delta"], row["low"], row["high"]) for row in left_out["differences"]
    ]
    assert left_out["contamination"]["left_out"] == {"domain": 2} and left_out["contamination"]["scores"] == []
    record = read_record(leaky().out / "reported" / "summary.json", SummaryRecord)
    assert record.contamination is not None and [example.kind for example in record.contamination.examples] == ["exact", "near"]
    assert record.domains["domain"].train_sets_checked == 1


def test_a_folder_of_curate_overlap_takes_the_place_of_training_sets(leaky, tmp_path):
    made = leaky()
    documents = ShardSet(tmp_path / "held_out").to_table().to_pylist()
    items = [OverlapItem("law", row["id"].hex(), (row["text"],), row["id"]) for row in documents]
    find_overlap(ComparisonRecipe(against=made.train_documents, near=0.99, contained=1, covered=1, out=tmp_path / "overlap"), items)
    section = run(leaky(train_documents=[], contamination=tmp_path / "overlap"))["contamination"]
    assert (section["domains"]["domain"]["exact"], section["domains"]["domain"]["near"]) == (1, 0)
    find_overlap(ComparisonRecipe(against=made.train_documents, out=tmp_path / "overlap"), items[:5])
    with pytest.raises(EvalError, match=r"15 of 20 items were not checked in .*overlap"):
        run(leaky(train_documents=[], contamination=tmp_path / "overlap"))


def test_without_the_extra_that_compares_texts_equal_documents_are_still_refused(leaky, monkeypatch):
    monkeypatch.setitem(sys.modules, "curate.overlap.run", None)
    with pytest.raises(EvalError, match="domain domain: 1 of its 20 held-out documents are training documents"):
        run(leaky(contaminated="refuse"))
    section = run(leaky())["contamination"]
    assert section["domains"]["domain"]["exact"] == 1 and "install cptkit[curate] to find near-duplicates" in section["note"]


def test_a_domain_that_would_keep_too_few_documents_is_refused(leaky, tmp_path):
    everything = save_documents(tmp_path / "everything", texts(20)[:19])
    with pytest.raises(EvalError, match="19 of its 20 held-out documents stand in training sets, so too few are left"):
        run(leaky(train_documents=[everything], contaminated="leave_out"))
