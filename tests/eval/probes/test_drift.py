import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig

from eval.errors import EvalError
from eval.models import ModelFolder
from eval.probes.drift import measure_drift, place_of

VOCABULARY = {f"t{number}": number for number in range(40)}
SIZES = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2, "vocab_size": 40, "max_position_embeddings": 32}


def save(folder, tied: bool = False, seed: int = 0):
    torch.manual_seed(seed)
    AutoModelForCausalLM.from_config(LlamaConfig(tie_word_embeddings=tied, **SIZES)).save_pretrained(folder)
    (folder / "tokenizer.json").write_text("{}")
    return folder


@pytest.fixture
def base(tmp_path):
    return save(tmp_path / "base")


def changed(base, folder, change, config=None):
    """A copy of a model whose tensors went through `change(name, tensor)`; None drops a tensor."""
    shutil.copytree(base, folder)
    tensors = {name: change(name, tensor) for name, tensor in load_file(base / "model.safetensors").items()}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, folder / "model.safetensors", metadata={"format": "pt"})
    if config:
        (folder / "config.json").write_text(json.dumps(json.loads((folder / "config.json").read_text()) | config))
    return folder


def drift(base, new, vocabularies=(VOCABULARY, VOCABULARY), rows=3):
    return measure_drift(ModelFolder("base", base), ModelFolder("new", new), vocabularies, rows)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("model.layers.11.self_attn.q_proj.weight", (11, "attention")),
        ("model.layers.0.self_attn.k_norm.weight", (0, "norms")),
        ("model.layers.3.mlp.experts.7.down_proj.weight", (3, "mlp")),
        ("model.layers.3.block_sparse_moe.gate.weight", (3, "mlp")),
        ("model.layers.2.post_attention_layernorm.weight", (2, "norms")),
        ("model.layers.2.linear_attn.in_proj_qkvz.weight", (2, "attention")),
        ("model.norm.weight", (None, "norms")),
        ("model.embed_tokens.weight", (None, "embeddings")),
        ("lm_head.weight", (None, "head")),
        ("transformer.h.5.attn.c_attn.weight", (5, "attention")),
        ("transformer.h.5.ln_1.bias", (5, "norms")),
        ("transformer.h.5.mlp.c_fc.weight", (5, "mlp")),
        ("transformer.wpe.weight", (None, "embeddings")),
        ("transformer.ln_f.weight", (None, "norms")),
        ("gpt_neox.layers.1.attention.query_key_value.weight", (1, "attention")),
        ("gpt_neox.embed_in.weight", (None, "embeddings")),
        ("embed_out.weight", (None, "head")),
        ("model.vision_tower.patch.weight", (None, "other")),
    ],
)
def test_tensors_are_placed_by_layer_and_part(name, place):
    assert tuple(place_of(name)) == place


def test_distances_are_those_of_the_definition(base, tmp_path):
    torch.manual_seed(1)
    noise = {name: torch.randn_like(tensor) * 0.01 for name, tensor in load_file(base / "model.safetensors").items()}
    found = drift(base, changed(base, tmp_path / "new", lambda name, tensor: tensor + noise[name]))
    tensors = load_file(base / "model.safetensors")
    names = [name for name in tensors if ".1.mlp." in name]
    old = np.concatenate([tensors[name].double().numpy().ravel() for name in names])
    move = np.concatenate([noise[name].double().numpy().ravel() for name in names])
    cell = next(cell for cell in found["cells"] if (cell["layer"], cell["part"]) == (1, "mlp"))
    assert cell["relative"] == pytest.approx(np.linalg.norm(move) / np.linalg.norm(old), rel=1e-3) and cell["numbers"] == old.size
    assert cell["cosine"] == pytest.approx(old @ (old + move) / np.linalg.norm(old) / np.linalg.norm(old + move), rel=1e-5)
    assert found["total"]["numbers"] == sum(tensor.numel() for tensor in tensors.values()) and found["not_compared"] == []


def test_noise_in_one_layer_shows_there_and_nowhere_else(base, tmp_path):
    found = drift(base, changed(base, tmp_path / "new", lambda name, tensor: tensor * 1.1 if ".2.mlp." in name else tensor))
    moved = {(cell["layer"], cell["part"]): cell["relative"] for cell in found["cells"]}
    assert moved.pop((2, "mlp")) == pytest.approx(0.1, rel=1e-4) and set(moved.values()) == {0.0}


def test_an_unchanged_model_has_not_moved(base):
    found = drift(base, base)
    assert all(cell["relative"] == 0 and cell["cosine"] == pytest.approx(1) for cell in found["cells"])


def test_sharded_files_are_read_as_one(base, tmp_path):
    shutil.copytree(base, tmp_path / "sharded")
    (tmp_path / "sharded" / "model.safetensors").unlink()
    AutoModelForCausalLM.from_pretrained(base).save_pretrained(tmp_path / "sharded", max_shard_size="8KB")
    assert len(list((tmp_path / "sharded").glob("*.safetensors"))) > 2
    assert drift(base, tmp_path / "sharded")["total"]["relative"] == 0


def test_rows_are_matched_by_the_text_of_their_token(base, tmp_path):
    order = np.random.default_rng(0).permutation(46)  # 40 old tokens and 6 new ones, in a new order
    vocabulary = {(f"t{old}" if old < 40 else f"new{old}"): number for number, old in enumerate(order.tolist())}
    vocabulary.pop("t7"), vocabulary.update(instead=int(np.flatnonzero(order == 7)[0]))

    def grow(name, tensor):
        if tensor.shape[0] != 40:
            return tensor
        grown = torch.cat([tensor, torch.full((6, tensor.shape[1]), 9.0)])[torch.from_numpy(order)]
        grown[vocabulary["t5"]] *= 3
        return grown

    found = drift(base, changed(base, tmp_path / "new", grow), (VOCABULARY, vocabulary))
    assert {key: found["rows"][key] for key in ("compared", "added", "removed")} == {"compared": 39, "added": 7, "removed": 1}
    first, second, _ = found["rows"]["largest"]
    assert first["token"] == "t5" and first["relative"] == pytest.approx(2, rel=1e-4) and second["relative"] == 0


def test_a_tied_head_is_the_embedding(base, tmp_path):
    tied = save(tmp_path / "tied", tied=True)
    assert not any(cell["part"] == "head" for cell in drift(tied, tied)["cells"])
    words = load_file(tied / "model.safetensors")["model.embed_tokens.weight"]
    untied = tmp_path / "untied"
    shutil.copytree(tied, untied)
    save_file(load_file(tied / "model.safetensors") | {"lm_head.weight": words * 2}, untied / "model.safetensors", metadata={"format": "pt"})
    (untied / "config.json").write_text((tied / "config.json").read_text().replace('"tie_word_embeddings": true', '"tie_word_embeddings": false'))
    head = next(cell for cell in drift(tied, untied)["cells"] if cell["part"] == "head")
    assert head["relative"] == pytest.approx(1, rel=1e-5)
    assert drift(untied, tied)["not_compared"] == []


def test_tensors_without_a_partner_are_listed_and_quantized_ones_refused(base, tmp_path):
    new = changed(base, tmp_path / "new", lambda name, tensor: None if name == "model.norm.weight" else tensor[:-1] if "layers.0.mlp.up" in name else tensor)
    assert drift(base, new)["not_compared"] == ["model.layers.0.mlp.up_proj.weight", "model.norm.weight"]
    bits = changed(base, tmp_path / "bits", lambda name, tensor: tensor.to(torch.uint8) if "q_proj" in name else tensor)
    with pytest.raises(EvalError, match=r"drift: .*q_proj.weight of model new holds uint8 numbers; quantized weights cannot be compared"):
        drift(base, bits)
    other = changed(base, tmp_path / "other", lambda name, tensor: None if "layers.0.input" not in name else tensor[:-1])
    with pytest.raises(EvalError, match="models base and new have no tensor of the same name and shape"):
        drift(base, other)


def test_tensors_are_read_in_blocks(base, tmp_path, monkeypatch):
    new = changed(base, tmp_path / "new", lambda name, tensor: tensor + 0.01)
    whole = drift(base, new)
    monkeypatch.setattr("eval.probes.drift._NUMBERS_AT_ONCE", 50)
    assert drift(base, new)["total"] == pytest.approx(whole["total"], rel=1e-9)
