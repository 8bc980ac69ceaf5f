import signal

import pytest

from tests.train.runs import curve, go, run_with_signal, stop_at, weights


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
def test_a_signal_to_the_command_saves_and_exits_with_its_code(write_recipe, number, code):
    done = run_with_signal(write_recipe(), 2, number)
    assert done.returncode == code and "rerun to resume" in done.stdout
    name, words = signal.Signals(number).name, {143: "terminated", 130: "interrupted"}
    told = [f"error: {words[code]} ({name}); rerun the same command to resume"] if code else []
    assert done.stderr.splitlines() == [f"{name}: finishing the step, then saving; a second signal ends the run at once", *told]
