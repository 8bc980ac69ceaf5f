"""Several processes, started by torchrun as on a node of GPUs, but on the CPU with gloo."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from mix.stream import open_mix
from shards.recipe import load_recipe
from tests.train.parts import write_mix
from tests.train.resume.test_continuation import extend
from tests.train.runs import curve, go, stop_at, weights
from tests.train.varlen_kernels import varlen_kernels
from train.devices.world import World, join_world
from train.errors import TrainError
from train.recipe import TrainRecipe
from train.run import check_recipe

LAUNCHER = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]


def torchrun(n_processes, recipe, *overrides):
    """The command line that trains on so many processes."""
    options = [part for override in overrides for part in ("--set", override)]
    return [*LAUNCHER, str(n_processes), "-m", "train", str(recipe), *options]


def go_together(n_processes, recipe, *overrides):
    done = subprocess.run(torchrun(n_processes, recipe, *overrides), capture_output=True, text=True, timeout=1200, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def losses(out):
    return [(record["loss"], record["grad_norm"], record["tokens"]) for record in curve(out)]


def approximately(pairs, rel=2e-5):
    return [tuple(pytest.approx(value, rel=rel) for value in pair) for pair in pairs]


@pytest.mark.slow
def test_two_processes_score_held_out_text_and_answers_like_one(write_recipe, held_out, tmp_path):
    items = [{"context": f"w{2 + number} w4", "continuation": f" w{6 + 2 * number} w{8 + number}"} for number in range(7)]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    evaluate = {"every_steps": 2, "domains": {"even": str(held_out)}, "tasks": {"qa": str(tmp_path / "items.jsonl")}}
    recipe = write_recipe(steps=4, evaluate=evaluate)
    go(recipe, f"out={tmp_path / 'one'}")
    go_together(2, recipe, f"out={tmp_path / 'two'}")
    one, two = ([record for record in curve(tmp_path / name) if "answer_bits" in record] for name in ("one", "two"))
    assert [record["step"] for record in one] == [2, 4]
    for metric in ("bits_per_byte", "answer_bits"):
        assert [record[metric] for record in two] == [{name: pytest.approx(bits, rel=2e-5) for name, bits in record[metric].items()} for record in one]


@pytest.mark.slow
def test_two_processes_continue_on_an_extended_mix_and_fork_like_one(write_recipe, mix, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(patch, 4)
        go(write_recipe(steps=None, schedule={"kind": "constant"}))
    for name in ("one", "two"):
        shutil.copytree(tmp_path / "run", tmp_path / name)
    recipe = write_recipe(steps=8, schedule={"kind": "constant"}, mix=str(extend(mix, 32, tmp_path / "longer")))
    go(recipe, f"out={tmp_path / 'one'}")
    go_together(2, recipe, f"out={tmp_path / 'two'}")
    assert len(losses(tmp_path / "one")) == 8 and losses(tmp_path / "two") == approximately(losses(tmp_path / "one"))
    assert [plan["first_row"] for plan in json.loads((tmp_path / "two" / "run.json").read_text())["plans"]] == [0, 32]
    recipe = write_recipe(steps=3, schedule={"kind": "constant"}, resume_from={"run": str(tmp_path / "run"), "step": 4})
    go(recipe, f"out={tmp_path / 'fork_one'}")
    go_together(2, recipe, f"out={tmp_path / 'fork_two'}")
    assert losses(tmp_path / "fork_two") == approximately(losses(tmp_path / "fork_one"))


def test_two_processes_train_like_one_and_tell_it_once(write_recipe, tmp_path):
    recipe = write_recipe(steps=4, checkpoint={"every_steps": 2})
    go(recipe, f"out={tmp_path / 'one'}")
    told = go_together(2, recipe, f"out={tmp_path / 'two'}")
    assert losses(tmp_path / "two") == approximately(losses(tmp_path / "one"))
    assert [record["tokens_by_source"] for record in curve(tmp_path / "two")] == [record["tokens_by_source"] for record in curve(tmp_path / "one")]
    assert told.count("Trained") == 1
    assert json.loads((tmp_path / "two" / "run.json").read_text())["processes"] == 2
    for name, tensor in weights(tmp_path / "two").items():
        assert float((tensor - weights(tmp_path / "one")[name]).abs().max()) < 1e-3
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "two" / "checkpoints" / "step-000002").dtype == weights(tmp_path / "one")["lm_head.weight"].dtype


@pytest.mark.parametrize("checkpointing", ["none", pytest.param("full", marks=pytest.mark.slow)])
def test_two_processes_train_like_one_where_the_last_batch_is_uneven(write_recipe, tmp_path, base, checkpointing):
    """21 rows in batches of 8, micro-batches of 2 rows: in the last step the second process has two rows, then none."""
    mix = write_mix(tmp_path / "uneven", hashlib.sha256((base / "tokenizer.json").read_bytes()).hexdigest(), n_tokens=960)
    assert open_mix(mix).n_rows % 8 == 5
    recipe = write_recipe(mix=str(mix), steps=None, micro_batch_rows=2, activation_checkpointing=checkpointing)
    go(recipe, f"out={tmp_path / 'one'}")
    go_together(2, recipe, f"out={tmp_path / 'two'}")
    assert len(curve(tmp_path / "one")) == 3 and losses(tmp_path / "two") == approximately(losses(tmp_path / "one"))
    for name in ("tokens_by_source", "loss_by_source"):
        two, one = ([record[name] for record in curve(tmp_path / out)] for out in ("two", "one"))
        assert two == [pytest.approx(values, rel=2e-5) for values in one]
    for name, tensor in weights(tmp_path / "two").items():
        assert float((tensor - weights(tmp_path / "one")[name]).abs().max()) < 1e-3


RUNS = """
import json, os, sys
import torch
from shards.recipe import load_recipe
from train.recipe import TrainRecipe
from train.run import run

compile = torch.nn.Module.compile
torch.nn.Module.compile = lambda self, *arguments, **options: compile(self, *arguments, **options | {"backend": sys.argv[3]})
ports = iter(os.environ.get("PORTS", "").split())
for settings in json.loads(sys.argv[2]).values():
    os.environ["MASTER_PORT"] = next(ports, "")  # a new store, because that of torchrun keeps the addresses of an earlier process group
    run(load_recipe(sys.argv[1], TrainRecipe, settings))
"""
"""Several runs in the same processes, which start only once. Compiled layers use the given backend."""

SETTINGS = {
    "accumulation": ["micro_batch_rows=1", "sharding.reduce_gradients=step"],
    "reduced each time": ["micro_batch_rows=1", "sharding.reduce_gradients=micro_batch"],
    "checkpointing": ["activation_checkpointing=full", "micro_batch_rows=2"],
    "compiled": ["compile=true", "activation_checkpointing=selective", "micro_batch_rows=2"],
    "uneven last batch": ["batch_rows=96", "steps=null", "micro_batch_rows=12"],
    "replicas": ["sharding.shard_ranks=1", "micro_batch_rows=1"],
    "bfloat16": ["precision=bf16", "micro_batch_rows=2"],
}


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def run_all(n_processes, recipe, folder, settings, backend):
    """Train with each of `settings`; returns the folder of each run."""
    (folder / "runs.py").write_text(RUNS)
    outs = {name: folder / f"{n_processes} {name}" for name in settings}
    cases = json.dumps({name: [*changes, f"out={outs[name]}"] for name, changes in settings.items()})
    command = [sys.executable, str(folder / "runs.py"), str(recipe), cases, backend]
    together = {"WORLD_SIZE": str(n_processes), "MASTER_ADDR": "127.0.0.1", "PORTS": " ".join(map(str, free_ports(len(settings))))}
    common = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[3])} | (together if n_processes > 1 else {})
    ranks = [{"RANK": str(rank)} if n_processes > 1 else {} for rank in range(n_processes)]
    log = folder / "errors.txt"
    with log.open("w") as errors:
        processes = [subprocess.Popen(command, stderr=errors, env=common | rank) for rank in ranks]
        try:
            codes = [process.wait(timeout=400) for process in processes]
        finally:
            for process in processes:
                process.kill()
    assert not any(codes), log.read_text()[-3000:]
    return outs


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_two_processes_have_the_losses_and_weights_of_one(write_recipe, tmp_path, backend):
    recipe = write_recipe(steps=4, checkpoint={"every_steps": None}, optimizer={"lr": 0.001})
    settings = SETTINGS if backend == "aot_eager" else {"compiled": SETTINGS["compiled"]}
    one, two = (run_all(n_processes, recipe, tmp_path, settings, backend) for n_processes in (1, 2))
    for name in settings:
        rounding = 5e-3 if name == "bfloat16" else 2e-6
        assert losses(two[name]) == approximately(losses(one[name]), rel=rounding), name
        for key, tensor in weights(two[name]).items():
            torch.testing.assert_close(tensor, weights(one[name])[key], rtol=0, atol=10 * rounding, msg=lambda text, name=name: f"{name}: {text}")
    if "uneven last batch" in settings:
        assert curve(two["uneven last batch"])[-1]["tokens"] == curve(one["uneven last batch"])[-1]["tokens"]
    if "accumulation" in settings:
        assert losses(two["accumulation"]) == approximately(losses(two["reduced each time"]), rel=1e-6)


@pytest.mark.slow
def test_two_replicas_of_two_processes_have_the_losses_and_weights_of_one(write_recipe, tmp_path):
    recipe = write_recipe(steps=4, checkpoint={"every_steps": None}, optimizer={"lr": 0.001})
    settings = {"replicas": ["sharding.shard_ranks=2", "micro_batch_rows=1", "sharding.reduce_gradients=step"]}
    one, four = (run_all(n_processes, recipe, tmp_path, settings, "eager")["replicas"] for n_processes in (1, 4))
    assert losses(four) == approximately(losses(one), rel=2e-6)
    for key, tensor in weights(four).items():
        torch.testing.assert_close(tensor, weights(one)[key], rtol=0, atol=2e-5)


@pytest.mark.slow
def test_two_processes_train_like_one_where_rows_grow_longer(write_recipe, tmp_path, base):
    stages = [{"name": f"r{length}", "tokens": 300, "row_tokens": length, "weights": {"even": 0.75, "odd": 0.25}} for length in (16, 48)]
    mix = write_mix(tmp_path / "growing", hashlib.sha256((base / "tokenizer.json").read_bytes()).hexdigest(), stages=stages)
    recipe = write_recipe(mix=str(mix), steps=None, batch_rows={"r16": 12, "r48": 4}, micro_batch_rows=1)
    go(recipe, f"out={tmp_path / 'one'}")
    go_together(2, recipe, f"out={tmp_path / 'two'}")
    assert losses(tmp_path / "one")[-1][2] == open_mix(mix).n_tokens
    assert losses(tmp_path / "two") == approximately(losses(tmp_path / "one"))


def test_a_run_goes_on_with_another_number_of_processes(write_recipe, tmp_path, straight_losses):
    recipe = write_recipe(checkpoint={"every_steps": 4})
    stop_two_processes(recipe, tmp_path)
    assert not (tmp_path / "run" / "model").exists() and len(curve(tmp_path / "run")) == 6
    go(recipe)
    assert losses(tmp_path / "run") == approximately(straight_losses, rel=1e-3)


def test_a_run_begun_alone_goes_on_with_two_processes(write_recipe, tmp_path, monkeypatch, straight_losses):
    recipe = write_recipe()
    with monkeypatch.context() as patch:
        stop_at(patch, 7)
        go(recipe)
    go_together(2, recipe)
    assert losses(tmp_path / "run") == approximately(straight_losses, rel=1e-3)


@pytest.mark.parametrize("changes", [{"precision": "bf16"}, {"activation_checkpointing": "selective"}, {"sharding": {"reshard_after_forward": False}}])
def test_a_sharded_model_on_one_process_trains_like_a_whole_one(write_recipe, tmp_path, changes):
    recipe = write_recipe(steps=4, **changes)
    go(recipe, f"out={tmp_path / 'whole'}")
    go(recipe, f"out={tmp_path / 'sharded'}", "sharding.always=true")
    assert losses(tmp_path / "sharded") == approximately(losses(tmp_path / "whole"), rel=5e-3 if "precision" in changes else 2e-5)


@pytest.mark.parametrize("mode", ["none", "selective", "full"])
def test_a_sharded_model_with_compiled_layers_trains_like_a_whole_uncompiled_one(write_recipe, tmp_path, monkeypatch, mode):
    """Attention is varlen with stand-in kernels, so that layers compile to one graph each, as on CUDA."""
    monkeypatch.setattr("train.session.choose_backend", lambda *_: "varlen")
    compile_module = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: compile_module(self, **options | {"backend": "aot_eager"}))
    recipe = write_recipe(steps=3, activation_checkpointing=mode, checkpoint={"every_steps": None})
    with varlen_kernels():
        go(recipe, f"out={tmp_path / 'whole'}", "compile=false")
        go(recipe, f"out={tmp_path / 'sharded'}", "compile=true", "sharding.always=true", "sharding.reduce_gradients=step")
    assert losses(tmp_path / "sharded") == approximately(losses(tmp_path / "whole"))


def test_rows_that_do_not_divide_over_the_processes_are_refused(write_recipe):
    with join_world("cpu") as world:
        recipe = load_recipe(write_recipe(batch_rows=8), TrainRecipe)
        with pytest.raises(TrainError, match="batch_rows: 8 rows cannot be split evenly over 3 processes; use a multiple of 3"):
            check_recipe(recipe, World(world.device, 0, 3))


@pytest.fixture
def straight_losses(write_recipe, tmp_path):
    go(write_recipe(), f"out={tmp_path / 'straight'}")
    return losses(tmp_path / "straight")


WAITING = """
import time
from pathlib import Path
from train.cli import main
from train.session import Session

after_step = Session.after_step

def waiting(self, report):
    while report.state.step == 5 and not self.stop:
        time.sleep(0.01)
    return after_step(self, report)

Session.after_step = waiting
main()
"""


def stop_two_processes(recipe, tmp_path):
    """Train on two processes that wait for a signal in step 5. SIGTERM comes once the checkpoint of step 4 is there; torchrun passes it on."""
    program, checkpoint = tmp_path / "waiting.py", tmp_path / "run" / "checkpoints" / "step-000004"
    program.write_text(WAITING)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen([*LAUNCHER, "2", str(program), str(recipe)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    while process.poll() is None and not checkpoint.exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    process.wait()
