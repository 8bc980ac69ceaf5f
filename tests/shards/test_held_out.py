import pyarrow as pa
import pytest

from eval.recipe import EvaluateRecipe
from shards.errors import RecipeError
from shards.held_out import DomainRecipe, sample_of
from shards.recipe import build_recipe
from shards.schemas import DOCUMENTS
from shards.write import write_set
from train.recipe import TrainRecipe

FORMS = [
    {"law": "out/held"},
    {"law": {"documents": "out/held"}},
    {"law": {"documents": "out/held", "role": "retain", "max_documents": 3, "max_bytes_per_document": 10}, "web": "~/held"},
]


@pytest.mark.parametrize("domains", FORMS)
def test_training_and_evaluation_take_the_same_domains(domains):
    evaluated = build_recipe({"name": "e", "models": {"m": "m"}, "baseline": "m", "domains": domains, "out": "o"}, EvaluateRecipe, "e.yaml")
    trained = build_recipe({"name": "t", "model": "m", "mix": "x", "evaluate": {"every_steps": 1, "domains": domains}}, TrainRecipe, "t.yaml")
    assert trained.evaluate is not None and evaluated.domains == trained.evaluate.domains
    assert str(evaluated.domains["law"].documents) == "out/held"
    if "web" in domains:
        assert not str(evaluated.domains["web"].documents).startswith("~")


def test_an_unknown_key_of_a_domain_is_named_in_both():
    domains = {"law": {"documents": "d", "max_document": 3}}
    for raw, model in (
        ({"name": "e", "models": {"m": "m"}, "baseline": "m", "domains": domains, "out": "o"}, EvaluateRecipe),
        ({"name": "t", "model": "m", "mix": "x", "evaluate": {"every_steps": 1, "domains": domains}}, TrainRecipe),
    ):
        with pytest.raises(RecipeError, match=r"law.*max_document\b.*max_documents"):
            build_recipe(raw, model, "r.yaml")


def write(folder, texts):
    rows = [{"id": bytes([id_] * 16), "text": text} for id_, text in texts]
    write_set(folder, "documents", DOCUMENTS, pa.Table.from_pylist(rows, schema=DOCUMENTS).to_batches())
    return folder


def test_the_sample_has_the_smallest_ids_each_once_and_is_cut_at_characters(tmp_path):
    folder = write(tmp_path / "d", [(9, "last"), (3, "éé"), (1, ""), (2, "second"), (3, "éé")])
    sample = sample_of(DomainRecipe(documents=folder), 2, 3)
    assert [id_[0] for id_ in sample.ids] == [2, 3] and sample.texts == ["sec", "é"] and sample.n_bytes.tolist() == [3, 2]
    assert len(sample_of(DomainRecipe(documents=folder), 500, None)) == 3
    own = sample_of(DomainRecipe(documents=folder, max_documents=1, max_bytes_per_document=4), 500, None)
    assert own.texts == ["seco"]
