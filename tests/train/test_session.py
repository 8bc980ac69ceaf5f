import json
import resource
import shutil
import threading

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tests.train.runs import curve, go, stop_at
from train.errors import TrainError
from train.save.model import save_model
from train.session import Session


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
    assert "step-000010: could not be written" in caplog.text and "the previous checkpoint remains" in caplog.text
    assert curve(tmp_path / "run") == curve(straight)


def test_a_stopped_run_whose_checkpoint_cannot_be_written_says_so(write_recipe, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("train.save.exporter.save_model", full)
    stop_at(monkeypatch, 2)
    with pytest.raises(TrainError, match=r"step-000002: could not be written .*No space left"):
        go(write_recipe())


def test_a_final_model_that_cannot_be_written_is_an_error_that_a_rerun_mends(write_recipe, tmp_path, monkeypatch, straight):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("train.save.exporter.save_model", full)
        with pytest.raises(TrainError, match=r"run/model: could not be written .*No space left on device.*rerun"):
            go(write_recipe(checkpoint={"every_steps": None}))
    go(write_recipe(checkpoint={"every_steps": None}))
    assert curve(tmp_path / "run") == curve(straight)


def unconvertible(*_, **__):
    raise RuntimeError("Cannot copy out of meta tensor")


def test_weights_that_cannot_be_exported_are_kept_in_a_checkpoint_and_a_rerun_only_exports_them(write_recipe, tmp_path, monkeypatch, straight):
    with monkeypatch.context() as patch:
        patch.setattr("train.save.model.stored_form", unconvertible)
        with pytest.raises(TrainError, match=r"run/model: could not be written \(RuntimeError: Cannot copy.*step-000012: mend the cause and run the same"):
            go(write_recipe(checkpoint={"every_steps": None}))
    assert [path.name for path in (tmp_path / "run" / "checkpoints" / "step-000012").iterdir() if path.is_dir()] == ["trainer_state"]
    lines = (tmp_path / "run" / "metrics.jsonl").read_text()
    go(write_recipe(checkpoint={"every_steps": None}))
    assert (tmp_path / "run" / "metrics.jsonl").read_text() == lines
    saved, expected = (load_file(folder / "model" / "model.safetensors") for folder in (tmp_path / "run", straight))
    assert all(tensor.equal(saved[name]) for name, tensor in expected.items())


def test_a_checkpoint_whose_model_cannot_be_exported_still_resumes(write_recipe, tmp_path, monkeypatch, straight, caplog):
    with monkeypatch.context() as patch:
        patch.setattr("train.save.model.stored_form", unconvertible)
        stop_at(patch, 7)
        go(write_recipe())
    assert "this checkpoint can only be resumed from" in caplog.text
    go(write_recipe())
    assert curve(tmp_path / "run") == curve(straight)


def test_a_base_with_settings_that_transformers_refuses_to_save_is_trained_and_saved(write_recipe, tmp_path, base):
    shutil.copytree(base, tmp_path / "base")
    settings = '{"do_sample": false,   "temperature": 0.6, "top_p": 0.9}'
    (tmp_path / "base" / "generation_config.json").write_text(settings)
    go(write_recipe(model=str(tmp_path / "base"), steps=3, checkpoint={"every_steps": 2}))
    for folder in ("model", "checkpoints/step-000002"):
        assert (tmp_path / "run" / folder / "generation_config.json").read_text() == settings
        AutoModelForCausalLM.from_pretrained(tmp_path / "run" / folder)


def test_a_base_whose_files_vanish_in_mid_run_loses_no_step(write_recipe, tmp_path, base, monkeypatch, straight):
    shutil.copytree(base, tmp_path / "base")
    recipe = write_recipe(model=str(tmp_path / "base"), checkpoint={"every_steps": None})
    after_step = Session.after_step

    def vanish(self, report):
        if report.state.step == 11:
            shutil.rmtree(tmp_path / "base")
        return after_step(self, report)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "after_step", vanish)
        with pytest.raises(TrainError, match=r"run/model: could not be written \(.*step-000012: mend the cause"):
            go(recipe)
    shutil.copytree(base, tmp_path / "base")
    go(recipe)
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


def test_a_run_that_ends_with_an_error_finishes_the_checkpoint_that_is_under_way(write_recipe, tmp_path, monkeypatch):
    after_step = Session.after_step

    failed = threading.Event()

    def slow(*arguments, **settings):
        failed.wait()
        save_model(*arguments, **settings)

    def fails(self, report):
        if report.state.step == 6:
            failed.set()
            raise TrainError("loss nan")
        return after_step(self, report)

    monkeypatch.setattr("train.save.exporter.save_model", slow)
    monkeypatch.setattr(Session, "after_step", fails)
    with pytest.raises(TrainError, match="loss nan"):
        go(write_recipe())
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-000005"]
