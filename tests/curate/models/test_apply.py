from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.fit.importance import fit_importance
from curate.fit.recipe import ImportanceFitRecipe
from curate.models.apply import model_files, open_model
from curate.models.causal import CausalScorer
from curate.models.importance import gumbel_noise, load_importance
from curate.models.recipe import CausalRecipe, FastTextRecipe, ImportanceRecipe, ModelRecipe
from tests.curate.models.test_fasttext_file import model_bytes, written
from tests.eval.conftest import save_model

TEXTS = pa.array(["ship and sea", "", "船 ship"], pa.large_string())


def signals(recipe: ModelRecipe) -> dict[str, pa.Array]:
    opened = open_model(recipe)
    columns = opened.measure(TEXTS)
    assert [column.type for column in columns] == [field.type for field in opened.fields]
    return {field.name: column for field, column in zip(opened.fields, columns, strict=True)}


def test_a_classifier_gives_one_labels_probability_or_the_most_likely_label(tmp_path: Path) -> None:
    path = str(written(tmp_path, model_bytes()))
    sea = signals(FastTextRecipe(name="sea", path=path, label="__label__sea"))["sea"].to_numpy()
    best = signals(FastTextRecipe(name="topic", path=path))
    assert list(best) == ["topic", "topic_score"]
    assert best["topic"].to_pylist() == ["sea" if probability > 0.5 else "land" for probability in sea]
    assert best["topic_score"].to_numpy() == pytest.approx(np.maximum(sea, 1 - sea), abs=1e-4)
    with pytest.raises(CurateError, match="no label 'tax'; it has sea, land"):
        open_model(FastTextRecipe(name="tax", path=path, label="tax"))


def test_importance_weights_give_three_signals(tmp_path: Path) -> None:
    for name, text in (("target", "ship sea"), ("raw", "ship land")):
        (tmp_path / f"{name}.txt").write_text(text)
    fit_importance(ImportanceFitRecipe(target=(str(tmp_path / "target.txt"),), raw=(str(tmp_path / "raw.txt"),)), tmp_path / "weights")
    recipe = ImportanceRecipe(kind="dsir", path=str(tmp_path / "weights"), seed=3)
    log_weight, n_ngrams = load_importance(recipe.path).weigh(TEXTS)
    found = {name: column.to_numpy() for name, column in signals(recipe).items()}
    assert found["dsir"].tolist() == log_weight.tolist() and found["dsir_per_ngram"].tolist() == (log_weight / np.maximum(n_ngrams, 1)).tolist()
    assert found["dsir_gumbel"].tolist() == (log_weight + gumbel_noise(TEXTS, 3)).tolist()
    assert [file.name for file in model_files(recipe)] == ["card.json", "log_ratio.npy"]


def test_a_causal_models_signal_is_what_its_name_says(tmp_path: Path) -> None:
    path = save_model(tmp_path / "model", 0, with_bos=True)
    recipes = [CausalRecipe.model_validate({"kind": "causal_lm", "path": str(path), "device": "cpu", "name": name}) for name in ("perplexity", "bpb")]
    model = CausalScorer(recipes[0])
    for recipe, expected in zip(recipes, (model.perplexity(TEXTS), model.bits_per_byte(TEXTS)), strict=True):
        assert signals(recipe)[recipe.name].to_pylist() == [pytest.approx(value, rel=1e-5) if value == value else None for value in expected]
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {file.name for file in model_files(recipes[0])}


def test_a_classifiers_card_is_one_of_its_files(tmp_path: Path) -> None:
    recipe = FastTextRecipe(name="sea", path=str(written(tmp_path, model_bytes())))
    assert [file.name for file in model_files(recipe)] == ["model.bin"]
    (tmp_path / "card.json").write_text("{}")
    assert [file.name for file in model_files(recipe)] == ["model.bin", "card.json"]
    with pytest.raises(CurateError, match="no such file or folder"):
        model_files(FastTextRecipe(name="sea", path=str(tmp_path / "none")))
