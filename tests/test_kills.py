"""Kill -9 at random moments, ten times each, then rerun: the same shards, the same exports, the same loss curve."""

import json
import random
import shutil
import time
from pathlib import Path

import pytest

from tests.commands import content, run, run_and_kill
from tests.flow import curate_recipe, mix_recipe, train_recipe, up_to_mix

N_KILLS = 10
SEED = 20


def kill_ten_times(out: Path, *arguments: object, seconds: float) -> None:
    """Start the command again and again and kill it somewhere in its life. A run that got through starts from nothing again."""
    rng = random.Random(SEED)
    kills = 0
    while kills < N_KILLS:
        if run_and_kill(rng.uniform(0.2, 1.0) * seconds, *arguments):
            kills += 1
        else:
            shutil.rmtree(out)


def timed(*arguments: object) -> float:
    started = time.monotonic()
    run(*arguments)
    return time.monotonic() - started


def curve(out: Path) -> list[dict]:
    steps = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in step.items() if key != "tokens_per_second"} for step in steps]


@pytest.mark.slow
def test_curate_run_survives_ten_kills(tmp_path):
    recipe = curate_recipe(tmp_path, "domain", 0, n_documents=3000)
    seconds = timed("curate", "run", recipe, "--out", tmp_path / "whole")
    kill_ten_times(tmp_path / "killed", "curate", "run", recipe, "--out", tmp_path / "killed", "--workers", 2, seconds=seconds)
    run("curate", "run", recipe, "--out", tmp_path / "killed")
    assert content(tmp_path / "killed", without=("work", "timings.json")) == content(tmp_path / "whole", without=("work", "timings.json"))


@pytest.mark.slow
def test_tokenizing_exporting_and_importing_survive_ten_kills_each(tmp_path):
    run("curate", "run", curate_recipe(tmp_path, "domain", 0, n_documents=3000))
    documents, tokenizer = tmp_path / "curate" / "domain" / "documents", tmp_path / "tokenizer"
    run("tokenize", "train", documents, "--vocab-size", 600, "--out", tokenizer)
    tokens, exported = tmp_path / "whole-run", tmp_path / "whole-export"
    commands = {
        "run": ("tokenize", "run", documents, "--tokenizer", tokenizer),
        "export": ("tokenize", "export", tokens, "--to", "olmo"),
        "import": ("tokenize", "import", exported, "--from", "olmo"),
    }
    for name, command in commands.items():
        whole, killed = tmp_path / f"whole-{name}", tmp_path / f"killed-{name}"
        seconds = timed(*command, "--out", whole)
        kill_ten_times(killed, *command, "--out", killed, seconds=seconds)
        run(*command, "--out", killed)
        assert content(killed) == content(whole)


@pytest.mark.slow
def test_mix_build_and_train_survive_ten_kills(tmp_path):
    up_to_mix(tmp_path)
    recipe = mix_recipe(tmp_path, 60_000)
    seconds = timed("mix", "build", recipe)
    kill_ten_times(tmp_path / "killed-mix", "mix", "build", recipe, "--out", tmp_path / "killed-mix", seconds=seconds)
    run("mix", "build", recipe, "--out", tmp_path / "killed-mix")
    assert content(tmp_path / "killed-mix", without=("work",)) == content(tmp_path / "mix", without=("work",))

    recipe = train_recipe(tmp_path)
    seconds = timed("train", recipe, "--out", tmp_path / "whole")
    kill_ten_times(tmp_path / "killed", "train", recipe, "--out", tmp_path / "killed", seconds=seconds)
    run("train", recipe, "--out", tmp_path / "killed")
    assert curve(tmp_path / "killed") == curve(tmp_path / "whole")
    assert content(tmp_path / "killed" / "model") == content(tmp_path / "whole" / "model")
