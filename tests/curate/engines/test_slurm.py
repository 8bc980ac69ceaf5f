"""Slurm as a launcher."""

import sys
from pathlib import Path

import pytest

from curate.engines.engine import LocalEngine, make_engine
from curate.engines.recipe import EngineRecipe
from curate.errors import CurateError
from shards.stages import Stage
from tests.curate.engines.jobs import double_or_fail, outcomes


def test_slurm_runs_every_task_once_and_reports_each(slurm: Path) -> None:
    engine = make_engine(EngineRecipe(kind="slurm", partition="p", jobs=2, poll_seconds=0.01), 1, slurm / "launch")
    jobs = {number: number for number in (0, 1, 3, 4, 5)}
    expected = {0: 0, 1: 2, 3: "three is too many", 4: 8, 5: "ValueError: five"}
    assert outcomes(engine.run(double_or_fail, jobs, Stage(slurm / "stage"))) == expected
    assert outcomes(LocalEngine(1).run(double_or_fail, jobs, Stage(slurm / "stage"))) == expected | {5: "five"}
    script = next((slurm / "launch").rglob("launch_script.slurm")).read_text()
    assert "--partition=p" in script and "--array=0-1" in script and f'export PATH="{Path(sys.executable).parent}:$PATH"' in script


def test_a_refusal_of_sbatch_is_one_line(slurm: Path) -> None:
    (slurm / "bin" / "sbatch").write_text("#!/bin/bash\nexit 1\n")
    engine = make_engine(EngineRecipe(kind="slurm", partition="p", poll_seconds=0.01), 1, slurm / "launch")
    with pytest.raises(CurateError, match="sbatch refused the job"):
        list(engine.run(double_or_fail, {1: 1}, Stage(slurm / "stage")))


def test_slurm_without_a_partition_or_without_slurm_is_refused(slurm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CurateError, match=r"engine\.partition"):
        make_engine(EngineRecipe(kind="slurm"), 1, slurm)
    monkeypatch.setenv("PATH", str(slurm / "nothing"))
    with pytest.raises(CurateError, match="no sbatch and squeue here"):
        make_engine(EngineRecipe(kind="slurm", partition="p"), 1, slurm)
