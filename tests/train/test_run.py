import json
import os
import resource
import signal
import subprocess
import time

import pytest
import torch
from transformers import AutoModelForCausalLM

from shards.recipe import load_recipe
from tests.commands import command
from tests.records import edit
from train.errors import TrainError
from train.model import save_model
from train.recipe import TrainRecipe
from train.run import run
from train.session import Session


def go(path, *overrides):
    return run(load_recipe(path, TrainRecipe, overrides))


def curve(out):
    """The records of metrics.jsonl without what depends on the clock."""
    records = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in record.items() if key != "tokens_per_second"} for record in records]


def weights(out):
    return AutoModelForCausalLM.from_pretrained(out / "model").state_dict()


@pytest.fixture
def straight(write_recipe, tmp_path):
    """Folder of a run of 12 steps that nothing disturbed."""
    go(write_recipe(), f"out={tmp_path / 'straight'}")
    return tmp_path / "straight"


def stop_at(monkeypatch, step, number=signal.SIGTERM):
    """Send the process a signal while it is in `step`."""
    after_step = Session.after_step

    def signalled(self, report):
        if report.state.step == step - 1:
            os.kill(os.getpid(), number)
        return after_step(self, report)

    monkeypatch.setattr(Session, "after_step", signalled)


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_saves_and_the_rerun_ends_like_a_run_that_was_never_stopped(write_recipe, tmp_path, monkeypatch, straight, number):
    with monkeypatch.context() as patch:
        stop_at(patch, 7, number)
        stopped = go(write_recipe())
    assert (stopped.headline, stopped.step) == ("Saved at step 7, rerun to resume", 7)
    assert not (tmp_path / "run" / "model").exists()
    assert go(write_recipe()).headline == "Trained"
    assert curve(tmp_path / "run") == curve(straight)
    assert all(tensor.equal(weights(straight)[name]) for name, tensor in weights(tmp_path / "run").items())


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGUSR1, 0)])
def test_a_signal_to_the_command_saves_and_exits_with_its_code(write_recipe, tmp_path, number, code):
    metrics = tmp_path / "run" / "metrics.jsonl"
    recipe = write_recipe(steps=None)
    process = subprocess.Popen(command("train", recipe, "--quiet"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline and not (metrics.exists() and metrics.read_text().count("\n") >= 1):
        time.sleep(0.002)
    process.send_signal(number)
    out, error = process.communicate()
    assert process.returncode == code and "rerun to resume" in out
    name, words = signal.Signals(number).name, {143: "terminated", 130: "interrupted"}
    told = [f"error: {words[code]} ({name}); rerun the same command to resume"] if code else []
    assert error.splitlines() == [f"{name}: finishing the step, then saving; a second signal ends the run at once", *told]


def test_a_run_killed_between_checkpoints_repeats_only_the_steps_since(write_recipe, tmp_path, monkeypatch, straight):
    def die(self, state, score):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Session, "_save", lambda self, state, score: die(self, state, score) if state.step == 10 else save(self, state, score))
        with pytest.raises(KeyboardInterrupt):
            go(write_recipe())
    assert len(curve(tmp_path / "run")) == 10
    go(write_recipe())
    assert curve(tmp_path / "run") == curve(straight)


save = Session._save


def test_a_run_killed_with_signal_9_ends_like_one_that_was_not(write_recipe, tmp_path, straight):
    recipe = write_recipe(checkpoint={"every_steps": 2})
    metrics = tmp_path / "run" / "metrics.jsonl"
    process = subprocess.Popen(command("train", recipe, "--quiet"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline and not (metrics.exists() and metrics.read_text().count("\n") >= 3):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "run" / "model").exists(), "the run ended before it could be killed"
    go(recipe)
    assert curve(tmp_path / "run") == curve(straight)


def test_a_finished_run_has_nothing_to_do(write_recipe, straight, tmp_path):
    before = (straight / "model" / "model.safetensors").stat().st_mtime_ns
    outcome = go(write_recipe(), f"out={straight}")
    assert outcome.headline == "Nothing to do, this run is finished"
    assert (straight / "model" / "model.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize("harm", ["missing", "cut"])
def test_a_finished_run_whose_model_is_not_whole_writes_it_again(write_recipe, straight, caplog, harm):
    path = straight / "model" / "model.safetensors"
    whole, before = path.read_bytes(), curve(straight)
    path.unlink()
    if harm == "cut":
        path.write_bytes(whole[:-9])
        os.utime(path, ns=(time.time_ns() + 10**9,) * 2)
    outcome = go(write_recipe(), f"out={straight}")
    assert outcome.headline == "Trained" and "model.safetensors" in caplog.text
    assert path.read_bytes() == whole and curve(straight) == before


def test_a_damaged_record_is_refused_and_named(write_recipe, straight):
    edit(straight / "run.json", lambda record: record.update(plan_hash="x"))
    with pytest.raises(TrainError, match=r"run\.json: plan_hash: .* \(got 'x'\)"):
        go(write_recipe(), f"out={straight}")
    (straight / "run.json").write_text("{}")
    with pytest.raises(TrainError, match=r"run\.json: holds no checksum of itself"):
        go(write_recipe(), f"out={straight}")


def test_where_and_how_fast_do_not_make_another_run(write_recipe, straight):
    outcome = go(write_recipe(micro_batch_rows=2, checkpoint={"every_steps": 3}), f"out={straight}")
    assert outcome.headline == "Nothing to do, this run is finished"


@pytest.mark.parametrize("change", [{"seed": 5}, {"optimizer": {"lr": 0.02}}, {"steps": 11}])
def test_a_changed_recipe_does_not_overwrite_the_run(write_recipe, straight, change):
    with pytest.raises(TrainError, match="holds a run with another recipe; give another --out"):
        go(write_recipe(**change), f"out={straight}")


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


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before_and_the_run_goes_on(write_recipe, tmp_path, monkeypatch, straight, caplog):
    def limited(self, state, score):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        if state.step == 10:
            resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))
        save(self, state, score)
        self.checkpoints.wait()
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    monkeypatch.setattr(Session, "_save", limited)
    go(write_recipe())
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-000005"]
    assert "step-000010: could not be written" in caplog.text and "the checkpoint before it stands" in caplog.text
    assert curve(tmp_path / "run") == curve(straight)


def test_a_stopped_run_whose_checkpoint_cannot_be_written_says_so(write_recipe, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("train.session.save_model", full)
    stop_at(monkeypatch, 2)
    with pytest.raises(TrainError, match=r"step-000002: could not be written .*No space left"):
        go(write_recipe())


def test_a_final_model_that_cannot_be_written_is_an_error_that_a_rerun_mends(write_recipe, tmp_path, monkeypatch, straight):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("train.session.save_model", full)
        with pytest.raises(TrainError, match=r"run/model: could not be written .*No space left on device.*rerun"):
            go(write_recipe(checkpoint={"every_steps": None}))
    go(write_recipe(checkpoint={"every_steps": None}))
    assert curve(tmp_path / "run") == curve(straight)


def test_the_best_checkpoint_outlives_newer_ones(write_recipe, tmp_path, held_out):
    evaluate = {"every_steps": 1, "domains": {"even": str(held_out)}}
    go(write_recipe(evaluate=evaluate, checkpoint={"every_steps": 3, "keep_last": 1, "keep_best": "even"}, optimizer={"lr": 0.3}))
    scores = {record["step"]: record["bits_per_byte"]["even"] for record in curve(tmp_path / "run")}
    best = min(scores, key=scores.get)
    record = json.loads((tmp_path / "run" / "run.json").read_text())["best"]
    assert (record["step"], record["bits_per_byte"]) == (best, scores[best])
    assert (tmp_path / "run" / record["folder"] / "model.safetensors").exists()
    assert len(list((tmp_path / "run" / "checkpoints").iterdir())) <= 2


def test_bfloat16_resumes_bit_for_bit_and_saves_in_the_dtype_asked_for(write_recipe, tmp_path, monkeypatch):
    recipe = write_recipe(precision="bf16", save_dtype="bf16", steps=6, checkpoint={"every_steps": 4})
    go(recipe, f"out={tmp_path / 'straight'}")
    with monkeypatch.context() as patch:
        stop_at(patch, 5)
        go(recipe)
    go(recipe)
    assert curve(tmp_path / "run") == curve(tmp_path / "straight")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "model").dtype == torch.bfloat16


def test_the_record_says_what_the_run_was(straight, write_recipe):
    record = json.loads((straight / "run.json").read_text())
    assert record["finished"] and record["totals"]["steps"] == 12
    assert record["sources"] == ["even", "odd"]
    assert all(len(record[key]) == 32 for key in ("recipe_hash", "model_hash", "plan_hash"))


def test_tensorboard_gets_the_same_figures(write_recipe, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    go(write_recipe(steps=3, log={"tensorboard": True}))
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [event.value for event in events.Scalars("loss")] == pytest.approx([record["loss"] for record in curve(tmp_path / "run")])
    assert "loss_by_source/odd" in events.Tags()["scalars"]


def test_no_document_mask_is_another_run_with_another_loss(write_recipe, tmp_path, straight):
    go(write_recipe(document_mask=False, steps=2), f"out={tmp_path / 'open'}")
    assert curve(tmp_path / "open")[0]["loss"] != curve(straight)[0]["loss"]
    assert curve(tmp_path / "open")[0]["tokens_by_source"] == curve(straight)[0]["tokens_by_source"]


def test_a_device_that_is_not_there_is_named(write_recipe):
    with pytest.raises(TrainError, match="device: nonsense: not to be had here"):
        go(write_recipe(device="nonsense"))


def test_no_output_folder_is_an_error(write_recipe):
    with pytest.raises(TrainError, match="out: required"):
        go(write_recipe(out=None))


def test_a_run_that_ends_with_an_error_finishes_the_checkpoint_that_is_under_way(write_recipe, tmp_path, monkeypatch):
    after_step = Session.after_step

    def slow(*arguments, **settings):
        time.sleep(0.5)
        save_model(*arguments, **settings)

    def fails(self, report):
        if report.state.step == 6:
            raise TrainError("loss nan")
        return after_step(self, report)

    monkeypatch.setattr("train.session.save_model", slow)
    monkeypatch.setattr(Session, "after_step", fails)
    with pytest.raises(TrainError, match="loss nan"):
        go(write_recipe())
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-000005"]
