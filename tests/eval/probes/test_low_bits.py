import sys

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from eval.errors import EvalError
from eval.models import ModelFolder
from eval.probes.low_bits import load_quantized, require_bitsandbytes
from eval.probes.run import run
from tests.eval.conftest import save_tokenizer
from tests.eval.probes.conftest import SMALL

OFF = {name: None for name in (*SMALL, "drift", "language")}


@pytest.fixture(scope="module")
def wider(tmp_path_factory):
    """Models whose layers have sizes that bitsandbytes takes on a CPU."""
    home = tmp_path_factory.mktemp("wider")
    sizes = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "initializer_range": 0.1}
    for seed, name in enumerate(("base", "adapted")):
        torch.manual_seed(seed)
        AutoModelForCausalLM.from_config(LlamaConfig(vocab_size=258, max_position_embeddings=64, **sizes)).save_pretrained(home / name)
        save_tokenizer(home / name)
    return {name: home / name for name in ("base", "adapted")}


def test_models_are_scored_with_full_and_with_low_bit_weights(probes, wider):
    pytest.importorskip("bitsandbytes")
    content = run(probes(**OFF, models=wider, low_bits={"max_documents": 16, "bytes_per_document": 60}))
    values = {(row["measure"], row["model"]): row["value"] for row in content["scores"]}
    for model in ("base", "adapted"):
        full = values["bits_per_byte_full", model]
        for weights in ("int8", "nf4"):
            assert values[f"bits_per_byte_{weights}", model] - full == pytest.approx(values[f"lost_by_{weights}", model], abs=1e-9)
        assert values["lost_by_nf4", model] != 0 != values["lost_by_int8", model] != values["lost_by_nf4", model]
    difference = next(row for row in content["differences"] if row["measure"] == "lost_by_nf4")
    assert difference["delta"] == pytest.approx(values["lost_by_nf4", "adapted"] - values["lost_by_nf4", "base"]) and difference["items"] == 16


def test_sizes_that_bitsandbytes_cannot_run_are_told(probes):
    pytest.importorskip("bitsandbytes")
    with pytest.raises(EvalError, match=r"low_bits: bitsandbytes cannot run model base with nf4 weights on cpu \(.*\); use another device, or leave nf4 out"):
        run(probes(**OFF, low_bits={"max_documents": 4, "bytes_per_document": 60}))


def test_the_weights_are_truly_in_low_bits(model_folders):
    pytest.importorskip("bitsandbytes")
    for weights, kind in (("int8", "Linear8bitLt"), ("nf4", "Linear4bit")):
        model = load_quantized(ModelFolder("base", model_folders["base"]), weights, "float32", "cpu")
        assert type(model.model.layers[0].mlp.up_proj).__name__ == kind


def test_a_missing_package_is_told_before_anything_is_probed(probes, monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(EvalError, match=r"low_bits: bitsandbytes is not installed; pip install 'cptkit\[lean\]', or set low_bits: null"):
        require_bitsandbytes()
    with pytest.raises(EvalError, match="bitsandbytes is not installed"):
        run(probes(low_bits={}))


def test_weights_that_are_quantized_already_are_refused(model_folders, tmp_path):
    import json
    import shutil

    pytest.importorskip("bitsandbytes")
    shutil.copytree(model_folders["base"], tmp_path / "small")
    config = json.loads((tmp_path / "small" / "config.json").read_text()) | {"quantization_config": {"load_in_4bit": True}}
    (tmp_path / "small" / "config.json").write_text(json.dumps(config))
    with pytest.raises(EvalError, match="the weights of model small are quantized already"):
        load_quantized(ModelFolder("small", tmp_path / "small"), "nf4", "float32", "cpu")
