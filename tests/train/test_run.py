import json
import signal

import pytest
import torch
from transformers import AutoModelForCausalLM

from shards.errors import RecipeError
from tests.train.runs import curve, go, run_with_signal, stop_at, weights
from train.errors import TrainError


def test_run_json_tells_the_size_of_the_model(straight):
    model = AutoModelForCausalLM.from_pretrained(straight / "model")
    assert json.loads((straight / "run.json").read_text())["n_parameters"] == sum(weight.numel() for weight in model.parameters())


def test_a_run_learns_and_leaves_metrics_checkpoints_and_a_model(straight):
    records = curve(straight)
    assert [record["step"] for record in records] == list(range(1, 13))
    assert records[-1]["loss"] < records[0]["loss"] - 0.5
    assert set(records[0]) == {"step", "tokens", "loss", "lr", "grad_norm", "loss_by_source", "tokens_by_source"}
    assert set(records[0]["loss_by_source"]) == {"even", "odd"}
    assert sorted(path.name for path in (straight / "checkpoints").iterdir()) == ["step-000005", "step-000010"]
    assert all(torch.isfinite(tensor).all() for tensor in weights(straight).values())


def test_losses_by_source_weighted_by_targets_give_the_loss(straight):
    for record in curve(straight):
        counts = record["tokens_by_source"]
        total = sum(record["loss_by_source"][name] * count for name, count in counts.items())
        assert record["loss"] == pytest.approx(total / sum(counts.values()), rel=1e-12)


def test_every_checkpoint_is_a_hugging_face_model(straight):
    loaded = AutoModelForCausalLM.from_pretrained(straight / "checkpoints" / "step-000010")
    assert loaded(torch.tensor([[2, 5, 8]])).logits.shape == (1, 3, 96)
    assert (straight / "checkpoints" / "step-000010" / "tokenizer.json").exists()


def test_a_run_killed_with_signal_9_ends_like_one_that_was_not(write_recipe, tmp_path, straight):
    recipe = write_recipe(checkpoint={"every_steps": 2})
    assert run_with_signal(recipe, 5, signal.SIGKILL).returncode == -signal.SIGKILL
    go(recipe)
    assert curve(tmp_path / "run") == curve(straight)


@pytest.mark.parametrize("harm", ["flip", "shorten", "remove", "facts"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(write_recipe, tmp_path, monkeypatch, straight, caplog, harm):
    with monkeypatch.context() as patch:
        stop_at(patch, 11)
        go(write_recipe())
    checkpoint = tmp_path / "run" / "checkpoints" / "step-000011"
    state = checkpoint / "trainer_state" / "__0_0.distcp"
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 1
    {
        "flip": lambda: state.write_bytes(data),
        "shorten": lambda: state.write_bytes(data[:-100]),
        "remove": state.unlink,
        "facts": lambda: (checkpoint / "facts.json").write_text("{"),
    }[harm]()
    go(write_recipe())
    assert curve(tmp_path / "run") == curve(straight)
    assert "step-000011" in caplog.text and "falling back to the checkpoint before it" in caplog.text


def test_no_document_mask_is_another_run_with_another_loss(write_recipe, tmp_path, straight):
    go(write_recipe(document_mask=False, steps=2), f"out={tmp_path / 'open'}")
    assert curve(tmp_path / "open")[0]["loss"] != curve(straight)[0]["loss"]
    assert curve(tmp_path / "open")[0]["tokens_by_source"] == curve(straight)[0]["tokens_by_source"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_device_that_is_not_there_is_named(write_recipe):
    with pytest.raises(TrainError, match="device: cuda: not available on this machine"):
        go(write_recipe(device="cuda"))


def test_a_device_that_cannot_exist_is_refused_with_the_recipe(write_recipe):
    with pytest.raises(RecipeError, match=r"device: the trainer runs on CUDA and on the CPU only; use auto, cpu, cuda or cuda:N \(got 'cdua'\)"):
        go(write_recipe(device="cdua"))


def test_no_output_folder_is_an_error(write_recipe):
    with pytest.raises(TrainError, match="out: required"):
        go(write_recipe(out=None))
