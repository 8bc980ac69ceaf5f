import json
import shutil
import signal

import pytest
import torch
from safetensors.torch import load_file

from tests.train.parts import tiny_network, write_tokenizer
from tests.train.runs import curve, go, run_with_signal, stop_at, weights
from train.errors import TrainError

DECAY = {"kind": "phases", "phases": [{"begin": 1.0, "to": 0.0, "shape": "sqrt"}]}


def fork(straight, **changes):
    return {"resume_from": {"run": str(straight), "step": 10} | changes, "steps": 6, "schedule": DECAY}


def test_a_fork_starts_at_row_0_of_its_mix_with_the_weights_and_moments_of_the_step(write_recipe, tmp_path, straight):
    out = tmp_path / "fork"
    go(write_recipe(**fork(straight), checkpoint={"every_steps": 1, "keep_last": 9}), f"out={out}")
    records, parent = curve(out), curve(straight)
    assert [record["step"] for record in records] == list(range(1, 7)) and records[0]["tokens"] == parent[0]["tokens"]
    assert records[0]["loss"] < parent[0]["loss"] - 0.2 and records[0]["tokens_by_source"] == parent[0]["tokens_by_source"]
    record, facts = (json.loads(path.read_text()) for path in (out / "run.json", straight / "checkpoints" / "step-000010" / "facts.json"))
    started = record["resumed_from"]
    assert (started["run"], started["step"], started["moments"]) == ("straight", 10, True)
    assert started["identity"] == facts["identity"] and record["start_hash"] == started["checkpoint_hash"]
    assert str(tmp_path) not in json.dumps(started)


def test_the_first_step_of_a_fork_is_that_of_adamw_with_the_moments(write_recipe, tmp_path, straight):
    """Two runs of one step at rate 0 save the weights they started from; at another rate moments decide where the step goes."""

    def first_weights(**changes):
        out = tmp_path / "_".join(map(str, changes.values()))
        optimizer = {"lr": 1e-9 if "rate" in changes else 0.01, "weight_decay": 0.0}
        moments = {key: value for key, value in changes.items() if key == "moments"}
        go(write_recipe(**fork(straight, **moments) | {"steps": 1, "schedule": {"kind": "constant", "warmup_steps": 0}}, optimizer=optimizer), f"out={out}")
        return weights(out)

    saved = load_file(straight / "checkpoints" / "step-000010" / "model.safetensors")
    start = first_weights(rate=0)
    assert all(torch.allclose(start[name], tensor, atol=1e-6) for name, tensor in saved.items())
    with_moments, without = first_weights(moments=True), first_weights(moments=False)
    name = "model.layers.0.mlp.up_proj.weight"
    plain, kept = ((after[name] - start[name]).abs() for after in (without, with_moments))
    assert plain[plain > 1e-5].median().item() == pytest.approx(0.01, rel=0.05)  # the first step of AdamW moves every weight by the rate
    assert kept.median() < 0.009


@pytest.mark.slow
def test_a_killed_fork_resumes_exactly_also_when_the_checkpoint_it_started_from_is_gone(write_recipe, tmp_path, monkeypatch, straight):
    recipe = write_recipe(**fork(straight), checkpoint={"every_steps": 2}, averaging={"ema": {}})
    go(recipe, f"out={tmp_path / 'whole'}")
    with monkeypatch.context() as patch:
        stop_at(patch, 3)
        go(recipe)
    shutil.rmtree(straight / "checkpoints" / "step-000010")
    assert run_with_signal(recipe, 5, signal.SIGKILL).returncode == -signal.SIGKILL
    go(recipe)
    assert curve(tmp_path / "run") == curve(tmp_path / "whole")
    assert all(torch.equal(tensor, weights(tmp_path / "whole")[name]) for name, tensor in weights(tmp_path / "run").items())


def test_a_moving_average_begins_at_the_fork(write_recipe, tmp_path, straight):
    ema = {"ema": {"decay": 0.999999, "warmup": False, "export": "instead"}}
    go(write_recipe(**fork(straight), averaging=ema), f"out={tmp_path / 'fork'}")
    saved = load_file(straight / "checkpoints" / "step-000010" / "model.safetensors")
    assert all(torch.allclose(weights(tmp_path / "fork")[name], tensor, atol=1e-4) for name, tensor in saved.items())


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("step", r"resume_from: .*straight has no checkpoint of step 7; it has steps 5, 10"),
        ("run", r"resume_from: .*nowhere has no checkpoint of step 10; it has none"),
        ("flip", r"resume_from: .*step-000010/trainer_state/__0_0\.distcp: damaged .*; restore it, or start from another step"),
        ("facts", r"resume_from: .*step-000010/facts\.json: "),
        ("shape", r"resume_from: .*step-000010: .* has shape \(.*\) there and \(.*\) in this model; give the model that was trained"),
        ("layers", r"resume_from: .*step-000010: holds model\.layers\.1\..*, which this model does not train"),
        ("moments", r"resume_from: .*step-000010: holds no momentum\..*: that run used another optimizer; set moments: false"),
    ],
)
def test_a_checkpoint_that_cannot_be_a_start_is_refused_in_one_line(write_recipe, tmp_path, base, straight, harm, said):
    checkpoint, changes = straight / "checkpoints" / "step-000010", fork(straight)
    if harm in ("step", "run"):
        changes["resume_from"] |= {"step": 7} if harm == "step" else {"run": str(tmp_path / "nowhere")}
    elif harm == "flip":
        state = checkpoint / "trainer_state" / "__0_0.distcp"
        data = bytearray(state.read_bytes())
        data[len(data) // 2] ^= 1
        state.write_bytes(data)
    elif harm == "facts":
        (checkpoint / "facts.json").write_text("{")
    elif harm == "moments":
        changes["optimizer"] = {"kind": "muon", "lr": 0.01}
    else:
        config = tiny_network().config
        setattr(config, *{"shape": ("intermediate_size", 40), "layers": ("num_hidden_layers", 1)}[harm])
        type(tiny_network())(config).save_pretrained(tmp_path / "other")
        changes["model"] = str(write_tokenizer(tmp_path / "other"))
    with pytest.raises(TrainError, match=said) as refusal:
        go(write_recipe(**changes), f"out={tmp_path / 'fork'}")
    assert "\n" not in str(refusal.value) and not (tmp_path / "fork" / "checkpoints").exists()


def test_a_start_that_is_gone_before_the_first_checkpoint_of_the_fork_is_named(write_recipe, tmp_path, straight, monkeypatch):
    recipe = write_recipe(**fork(straight), checkpoint={"every_steps": None})
    monkeypatch.setattr("train.session.check_and_compile", lambda *_: (_ for _ in ()).throw(TrainError("stopped")))
    with pytest.raises(TrainError, match="stopped"):
        go(recipe, f"out={tmp_path / 'fork'}")
    shutil.rmtree(straight / "checkpoints" / "step-000010")
    with pytest.raises(TrainError, match="the checkpoint of step 10 is gone, and this run has no checkpoint of its own yet"):
        go(recipe, f"out={tmp_path / 'fork'}")


def test_another_start_is_another_run(write_recipe, tmp_path, straight):
    out = f"out={tmp_path / 'fork'}"
    go(write_recipe(**fork(straight)), out)
    assert go(write_recipe(**fork(straight)), out).headline == "Nothing to do, this run is finished"
    with pytest.raises(TrainError, match="holds a run with another recipe"):
        go(write_recipe(**fork(straight, moments=False)), out)
    moved = tmp_path / "moved"
    shutil.copytree(straight, moved)
    assert go(write_recipe(**fork(moved)), out).headline == "Nothing to do, this run is finished"


def test_a_partly_trained_model_needs_the_same_base(write_recipe, tmp_path, base):
    go(write_recipe(adapt={"train": ["layers[1]"]}), f"out={tmp_path / 'straight'}")
    tiny_network(seed=9).save_pretrained(tmp_path / "other")
    changes = fork(tmp_path / "straight") | {"adapt": {"train": ["layers[1]"]}}
    with pytest.raises(TrainError, match="adapt trains only a part of the model, and `model` is not the base of that run"):
        go(write_recipe(**changes, model=str(write_tokenizer(tmp_path / "other"))), f"out={tmp_path / 'fork'}")
    assert go(write_recipe(**changes), f"out={tmp_path / 'fork'}").step == 6
