import json
import shutil

import numpy as np
import pytest

from eval.errors import EvalError
from eval.models import ModelFolder, ModelTokenizer
from eval.recipe import EvaluateRecipe
from eval.run import run


def test_unusable_models_are_named_before_anything_is_scored(recipe, model_folders, tmp_path):
    def with_adapted(name: str, remove: str = "") -> EvaluateRecipe:
        folder = tmp_path / name
        if remove:
            shutil.copytree(model_folders["base"], folder)
            (folder / remove).unlink()
        return recipe(models={"base": model_folders["base"], "adapted": folder})

    run_folder = tmp_path / "train"
    shutil.copytree(model_folders["base"], run_folder / "model")
    for made, message in (
        (with_adapted("absent"), "model adapted: .*absent is not a folder"),
        (with_adapted("no-weights", "model.safetensors"), "no .*safetensors in .*no-weights"),
        (with_adapted("no-tokenizer", "tokenizer.json"), "no tokenizer.json in .*no-tokenizer"),
        (with_adapted("no-config", "config.json"), "no config.json in .*no-config"),
        (recipe(models={"base": model_folders["base"], "adapted": run_folder}), f"is not a Hugging Face model; did you mean {run_folder}/model"),
        (recipe(context_tokens=65), "model base: its context is 64 tokens, but the recipe has context_tokens 65"),
    ):
        with pytest.raises(EvalError, match=message):
            run(made)
        assert not made.out.exists()


def test_a_model_that_lacks_weights_or_has_another_tokenizer_is_refused(recipe, model_folders, tmp_path):
    from safetensors.torch import load_file, save_file

    for name in ("partial", "foreign", "diverged"):
        shutil.copytree(model_folders["base"], tmp_path / name)
    weights = load_file(tmp_path / "partial" / "model.safetensors")
    removed = weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, tmp_path / "partial" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EvalError, match=r"1 weights are missing from .*partial, the first is model.layers.1.mlp.up_proj.weight"):
        run(recipe(models={"base": tmp_path / "partial"}))
    tokenizer = json.loads((tmp_path / "foreign" / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["zz"] = 258
    (tmp_path / "foreign" / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(EvalError, match="its tokenizer has 259 entries, its embedding 258 rows"):
        run(recipe(models={"base": tmp_path / "foreign"}))
    weights |= {"model.layers.1.mlp.up_proj.weight": np.nan * removed}
    save_file(weights, tmp_path / "diverged" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EvalError, match=r"model base: its loss on document [0-9a-f]{32} of domain domain is not finite"):
        run(recipe(models={"base": tmp_path / "diverged"}))


def test_text_that_spells_a_special_token_is_text(model_folders):
    tokenizer = ModelTokenizer(ModelFolder("base", model_folders["base"]))
    (ids,) = tokenizer.encode(["a</s>"])
    assert len(ids) == 5 and ids.max() < 256


def test_parameters_are_counted_from_the_weight_files_and_tied_ones_once(model_folders, tmp_path):
    from safetensors.torch import load_file, save_file
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(model_folders["base"])
    wanted = sum(weight.numel() for weight in model.parameters())
    assert ModelFolder("base", model_folders["base"]).n_parameters == wanted
    shutil.copytree(model_folders["base"], tmp_path / "twice")
    weights = {name: weight.bfloat16() for name, weight in load_file(tmp_path / "twice" / "model.safetensors").items()}
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    save_file(weights, tmp_path / "twice" / "model.safetensors", metadata={"format": "pt"})
    assert ModelFolder("twice", tmp_path / "twice").n_parameters == wanted


def test_the_summary_tells_the_size_of_each_model(recipe, model_folders):
    models = run(recipe())["models"]
    assert {model["n_parameters"] for model in models.values()} == {ModelFolder("base", model_folders["base"]).n_parameters}


def test_the_text_of_tokens_leaves_out_special_ones(model_folders):
    tokenizer = ModelTokenizer(ModelFolder("base", model_folders["base"]))
    (ids,) = tokenizer.encode(["naïve  text "])
    assert tokenizer.decode(np.append(ids, 257)) == "naïve  text "
    assert tokenizer.vocabulary["</s>"] == tokenizer.hugging_face.eos_token_id == 257
