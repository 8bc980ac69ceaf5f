import pytest

from eval.errors import EvalError
from eval.run import run
from shards.read import ShardSet
from tests.eval.conftest import save_documents


def test_documents_are_sampled_by_id_and_cut_at_a_character(recipe, tmp_path):
    documents = save_documents(tmp_path / "wide", ["é" * 50 + str(number) for number in range(9)] + [""])
    domain = {"documents": documents, "max_documents": 4, "max_bytes_per_document": 7}
    made = recipe(domains={"wide": domain})
    run(made)
    rows = ShardSet(made.out).to_table().to_pylist()
    all_ids = [row["id"] for row in ShardSet(documents).to_table().to_pylist() if row["text"]]
    assert [row["doc_id"] for row in rows if row["model"] == "base"] == sorted(all_ids)[:4]
    assert {row["n_bytes"] for row in rows} == {6}


def test_a_domain_with_fewer_than_two_documents_is_refused(recipe, tmp_path):
    alone = save_documents(tmp_path / "alone", ["one text", "one text", ""])
    with pytest.raises(EvalError, match=r"domain alone: .* holds 1 documents with text"):
        run(recipe(domains={"alone": {"documents": alone}}))
