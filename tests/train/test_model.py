import pytest
import torch
import torch.nn.functional as F
import transformers

from tests.train.parts import CONFIGS, pack, random_rows, tiny_model, tiny_network
from tests.train.test_architectures import random_network
from train.batch import make_batch
from train.errors import TrainError
from train.loss.head import LogitTransform
from train.model import load_model, load_network, local_folder, logit_transform, prepare, weights_hash
from train.selfcheck import check_model


def alone(network, rows):
    """Sum of nats and gradients when transformers runs each document by itself."""
    network.zero_grad()
    total = 0.0
    for ids in [ids for row in rows for _, ids in row if len(ids) > 1]:
        tokens = torch.tensor([ids])
        loss = F.cross_entropy(network(tokens).logits[0, :-1], tokens[0, 1:], reduction="sum")
        loss.backward()
        total += loss.item()
    return total, {name: parameter.grad.clone() for name, parameter in network.named_parameters()}


@pytest.mark.parametrize("architecture", CONFIGS)
def test_packed_documents_have_the_loss_and_gradients_of_documents_alone(architecture):
    rows = random_rows(4, seed=1)
    expected, gradients = alone(tiny_network(architecture).eval(), rows)
    model = tiny_model(architecture)
    found = model.loss(make_batch(pack(rows), 2)).total
    found.backward()
    assert found.item() == pytest.approx(expected, rel=1e-5)
    for name, parameter in model.network.named_parameters():
        scale = float(gradients[name].abs().max())
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-4, atol=1e-5 * max(1.0, scale), msg=lambda text, name=name: f"{name}: {text}")


def test_logits_of_granite_cohere_and_gemma_are_scaled_and_capped_as_they_say():
    assert logit_transform(type("Granite", (), {"logits_scaling": 8.0})) == LogitTransform(0.125, None)
    assert logit_transform(type("Cohere", (), {"logit_scale": 0.0625})) == LogitTransform(0.0625, None)
    assert logit_transform(type("Gemma", (), {"final_logit_softcapping": 30.0})) == LogitTransform(1.0, 30.0)


def test_the_hash_names_weights_and_configuration(tmp_path):
    for name, dtype in (("a", torch.float32), ("b", torch.float32), ("c", torch.bfloat16)):
        tiny_network().to(dtype).save_pretrained(tmp_path / name)
    assert weights_hash(tmp_path / "a") == weights_hash(tmp_path / "b") != weights_hash(tmp_path / "c")
    (tmp_path / "b" / "config.json").write_text((tmp_path / "b" / "config.json").read_text().replace("1e-06", "1e-05"))
    assert weights_hash(tmp_path / "a") != weights_hash(tmp_path / "b")


def test_weights_that_could_run_code_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(TrainError, match=r"no .safetensors weights"):
        local_folder(str(tmp_path))


def test_a_model_with_code_of_its_own_is_refused(tmp_path, base):
    tiny_network().save_pretrained(tmp_path)
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace('"model_type": "llama"', '"model_type": "strange", "auto_map": {"AutoConfig": "x.X"}'))
    with pytest.raises(TrainError, match="transformers cannot use it"):
        load_model(tmp_path, torch.device("cpu"))


def test_a_folder_that_is_no_model_is_named(tmp_path):
    with pytest.raises(TrainError, match=r"no config.json"):
        local_folder(str(tmp_path))


@pytest.mark.parametrize("model", ["/no/such/model", "./model", "out/base/model"])
def test_a_path_that_is_not_there_is_not_asked_for_on_the_hub(model):
    with pytest.raises(TrainError, match="no such folder; give"):
        local_folder(model)


@pytest.mark.parametrize("kind", ["GPTJConfig", "GPTNeoConfig", "CodeGenConfig"])
def test_an_architecture_with_a_fixed_list_of_attention_classes_is_loaded_and_trained(tmp_path, kind):
    of_kind = {"GPTNeoConfig": {"attention_types": [[["global", "local"], 1]], "hidden_size": 32, "num_layers": 2, "num_heads": 4, "window_size": 7}}
    sizes = of_kind.get(kind, {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "rotary_dim": 4})
    random_network(getattr(transformers, kind)(vocab_size=96, bos_token_id=0, eos_token_id=0, **sizes)).save_pretrained(tmp_path)
    check_model(prepare(load_network(tmp_path)), 48)
