import pytest

from curate.errors import CurateError
from curate.synthesize.recipe import SynthesizeRecipe
from curate.synthesize.run import make_plan
from shards.recipe import load_run_recipe
from tests.curate.synthesize.gates.candidates import BUILD, candidate, made, rules


def test_a_classifier_that_is_not_there_is_told():
    with pytest.raises(CurateError, match="no such file or folder"):
        rules([candidate("x")], kind="classifier", model="/no/such/model", label="good")


def test_a_classifier_keeps_what_it_finds_likely(tmp_path):
    fasttext = pytest.importorskip("fasttext")
    (tmp_path / "train.txt").write_text("".join(f"__label__good harbour quay {n}\n__label__bad click now {n}\n" for n in range(200)))
    fasttext.train_supervised(str(tmp_path / "train.txt"), epoch=20, dim=4, bucket=100, thread=1, verbose=0).save_model(str(tmp_path / "model.bin"))
    gate = {"kind": "classifier", "model": str(tmp_path / "model.bin")}
    assert rules([candidate("harbour quay"), candidate("click now")], **gate, label="good") == ["", "classifier/unlikely"]
    with pytest.raises(CurateError, match="no label 'fine'; it has"):
        BUILD.validate_python(gate | {"label": "fine"}).check()


def test_another_model_under_the_same_name_is_another_run(tmp_path):
    fasttext = pytest.importorskip("fasttext")
    keys = []
    for words in ("harbour quay", "click now"):
        (tmp_path / "train.txt").write_text(f"__label__good {words}\n__label__bad other\n" * 50)
        fasttext.train_supervised(str(tmp_path / "train.txt"), dim=2, bucket=10, thread=1, verbose=0).save_model(str(tmp_path / "model.bin"))
        gate = {"kind": "classifier", "model": str(tmp_path / "model.bin"), "label": "good"}
        keys.append(make_plan(*load_run_recipe(made(tmp_path, gate), SynthesizeRecipe)).key)
    assert keys[0] != keys[1]
