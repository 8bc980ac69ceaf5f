"""Whole experiments with the real commands; what a kill leaves is completed to the same bytes."""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from safetensors.torch import load_file

from mix.proxies.ledger import Ledger
from mix.runs.read import read_runs
from tests.commands import command, content, run
from tests.mix.proxies.home import values, write
from tests.processes import descendants, survivors

CHANGING = ("ledger.json", "run.json", "metrics.jsonl", "checkpoints", ".cptkit-files")
"""Files that hold seconds or speeds, and which steps of a killed run were saved."""


def recipe(home: Path, folder: Path, **changes) -> Path:
    given = {"kinds": ["trained", "merged"], "design": {"kind": "grid", "shares": {"odd": [0, 0.25, 1]}}, "seeds": {"repeats": 2}, "workers": 2} | changes
    return write(folder / "proxies.yaml", values(home, folder / "out", **given))


def results(out: Path) -> dict[str, str]:
    found = content(out, without=(*CHANGING, "proxies.yaml"))
    return {name: checksum for name, checksum in found.items() if not name.endswith((".log", ".yaml", "manifest.json", "summary.json", "merge.json"))}


@pytest.fixture(scope="module")
def finished(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of an experiment that nothing disturbed: three ratios, trained, repeated and merged."""
    folder = tmp_path_factory.mktemp("finished")
    run("mix", "proxies", recipe(home, folder))
    return folder / "out"


@pytest.mark.slow
def test_the_table_has_every_run_with_its_kind_shares_and_losses(finished: Path) -> None:
    table, notes = read_runs(finished / "runs.csv")
    kinds = dict(zip(table.run, table.kind, strict=True))
    assert kinds == {
        "base": "base",
        **dict.fromkeys(("even100", "even75-odd25", "even75-odd25-seed2", "odd100"), "trained"),
        **dict.fromkeys(("merged-even100", "merged-even75-odd25", "merged-odd100"), "merged"),
    }
    loss = {name: dict(zip(table.domains, row, strict=True)) for name, row in zip(table.run, table.losses.tolist(), strict=True)}
    assert loss["even100"]["even"] < loss["even75-odd25"]["even"] < loss["odd100"]["even"] and loss["odd100"]["odd"] < loss["base"]["odd"]
    assert loss["merged-even100"]["even"] == pytest.approx(loss["even100"]["even"], abs=1e-5)
    assert loss["even75-odd25"] != loss["even75-odd25-seed2"]
    share = dict(zip(table.run, table.shares[:, table.sources.index("odd")].tolist(), strict=True))
    assert share["even75-odd25"] == pytest.approx(0.25, abs=0.01) and share["merged-even75-odd25"] == 0.25 and not notes


@pytest.mark.slow
def test_a_merged_model_is_the_base_and_the_changes_of_its_experts_in_the_ratio(home: Path, finished: Path) -> None:
    base = load_file(home / "base" / "model.safetensors")
    even, odd, merged = (
        load_file(finished / "runs" / name / "model.safetensors") for name in ("even100/train/model", "odd100/train/model", "merged-even75-odd25/model")
    )
    assert merged.keys() == base.keys()
    for name, start in base.items():
        expected = start + 0.75 * (even[name] - start) + 0.25 * (odd[name] - start)
        assert (merged[name] - expected).abs().max() < 1e-6
        assert (merged[name] != start).any()


@pytest.mark.slow
def test_a_run_can_be_repeated_by_hand_from_its_folder(home: Path, finished: Path, tmp_path: Path) -> None:
    folder = finished / "runs" / "even75-odd25"
    run("mix", "build", folder / "mix.yaml", "--out", tmp_path / "mix")
    run("train", folder / "train.yaml", "--set", f"mix={tmp_path / 'mix'}", "--out", tmp_path / "train")
    assert content(tmp_path / "train" / "model") == content(folder / "train" / "model")


@pytest.mark.slow
def test_kills_of_everything_and_of_one_worker_lose_nothing(home: Path, finished: Path, tmp_path: Path) -> None:
    mark, given, out = f"proxies-{os.getpid()}", command("mix", "proxies", recipe(home, tmp_path)), tmp_path / "out"
    environment = os.environ | {"CPTKIT_TEST_MARK": mark}
    process = subprocess.Popen(given, env=environment, process_group=0, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: is_training_with(out, 0), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not survivors(mark)

    process = subprocess.Popen(given, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: is_training_with(out, 1), process)
    victim, name = next(trainings(process.pid))
    os.kill(victim, signal.SIGKILL)
    errors = process.communicate()[1]
    assert process.returncode == 2 and f"{name}: killed by SIGKILL" in errors.splitlines()[-1]
    assert Ledger(out).read()[name].status == "failed" and not survivors(mark)

    run("mix", "proxies", tmp_path / "proxies.yaml")
    assert results(out) == results(finished)


@pytest.mark.slow
def test_the_printed_lines_may_run_at_the_same_time_in_any_order_and_twice(home: Path, finished: Path, tmp_path: Path) -> None:
    lines = run("mix", "proxies", recipe(home, tmp_path), "--commands").splitlines()
    assert len(lines) == 7 and all(line.startswith(f"cd {shlex.quote(os.getcwd())} && ") for line in lines)
    assert not (tmp_path / "out" / "runs").exists() or not list((tmp_path / "out" / "runs").glob("*/*.yaml"))
    merged_first = [*reversed(lines), lines[0]]
    with ThreadPoolExecutor(3) as pool:
        codes = list(pool.map(lambda line: subprocess.run(["bash", "-c", line], capture_output=True).returncode, merged_first))
    assert codes == [0] * 8
    assert results(tmp_path / "out") == results(finished)
    assert run("mix", "proxies", tmp_path / "proxies.yaml", "--commands").strip() == ""


def is_training_with(out: Path, n_done: int) -> bool:
    """Whether a run is being trained and has a checkpoint, and so many others are done."""
    entries = Ledger(out).read() if (out / "ledger.json").exists() else {}
    training = [name for name, entry in entries.items() if entry.step == "train" and any((out / "runs" / name / "train" / "checkpoints").glob("step-*"))]
    return bool(training) and sum(entry.status == "done" for entry in entries.values()) >= n_done


def trainings(pid: int) -> Iterator[tuple[int, str]]:
    """Processes of `train` below a process, with the names of their runs."""
    for child in sorted(descendants(pid)):
        for word in Path(f"/proc/{child}/cmdline").read_text().split("\0"):
            if word.endswith("/train.yaml"):
                yield child, Path(word).parent.name


def wait_for(condition, process) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, "ended too early"
        assert time.monotonic() < deadline
        time.sleep(0.01)
