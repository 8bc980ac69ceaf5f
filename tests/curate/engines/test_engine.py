"""Slurm and Ray as launchers. Real ones are tried by examples/cluster; here scripts stand in for sbatch, squeue and srun."""

import os
import stat
import sys
from pathlib import Path

import pytest

from curate.engines.engine import LocalEngine, make_engine
from curate.engines.launch import Launch, RankStep, TaskFailed, missing, remove_launches
from curate.engines.recipe import EngineRecipe
from curate.errors import CurateError
from shards.stages import Stage

SBATCH = """#!/bin/bash
# Runs the array at once, one index after another, as Slurm would on nodes.
script="${@: -1}"
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$script")
for index in $(seq 0 "$last"); do SLURM_ARRAY_TASK_ID=$index SLURM_NODELIST=here RUN_OFFSET=0 bash "$script" > /dev/null 2>&1; done
echo "Submitted batch job 7"
"""
SRUN = """#!/bin/bash
while [ "$1" != launch_pickled_pipeline ]; do shift; done
exec "$@"
"""


def double_or_fail(n: int) -> int:
    if n == 3:
        raise CurateError("three is too many")
    if n == 5:
        raise ValueError("five")
    return 2 * n


def outcomes(results: object) -> dict[int, object]:
    return {number: str(result) if isinstance(result, Exception) else result for number, result in results}  # type: ignore[attr-defined]


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, text in {"sbatch": SBATCH, "srun": SRUN, "squeue": "#!/bin/bash\n", "scontrol": "#!/bin/bash\necho here\n"}.items():
        (bin_folder / name).write_text(text)
        (bin_folder / name).chmod((bin_folder / name).stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{bin_folder}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    return tmp_path


def test_a_rank_runs_its_share_and_one_bad_task_stops_no_other(tmp_path: Path) -> None:
    launch = Launch.write(tmp_path, double_or_fail, {number: number for number in range(6)}, Stage(tmp_path / "stage"), 2)
    step, seen = RankStep(str(launch.folder)), set[int]()
    step(None, 0, 2)
    assert outcomes(launch.results(seen)) == {0: 0, 2: 4, 4: 8}
    with pytest.raises(TaskFailed, match="2 tasks of rank 1 failed"):
        step(None, 1, 2)
    assert outcomes(launch.results(seen)) == {1: 2, 3: "three is too many", 5: "ValueError: five"}
    assert list(launch.results(seen)) == []


def test_errors_for_the_user_stay_what_they_were_and_others_keep_their_type(tmp_path: Path) -> None:
    launch = Launch.write(tmp_path, double_or_fail, {3: 3, 5: 5}, Stage(tmp_path / "stage"), 1)
    with pytest.raises(TaskFailed):
        RankStep(str(launch.folder))(None, 0, 1)
    found = dict(launch.results(set()))
    assert isinstance(found[3], CurateError) and isinstance(found[5], TaskFailed)


def test_a_new_launch_forgets_results_of_an_older_one(tmp_path: Path) -> None:
    for _ in range(2):
        launch = Launch.write(tmp_path, double_or_fail, {1: 1}, Stage(tmp_path / "stage"), 1)
        assert list(launch.results(set())) == []
        RankStep(str(launch.folder))(None, 0, 1)
        assert dict(launch.results(set())) == {1: 2}


def test_a_task_that_ended_without_a_word_is_an_error(tmp_path: Path) -> None:
    assert {number: str(error).split(";")[0] for number, error in missing({1: 1, 2: 2}, {1}, tmp_path)} == {
        2: "task 2 ended without a result, as when it is killed for its time or memory"
    }


def test_slurm_runs_every_task_once_and_reports_each(slurm: Path) -> None:
    engine = make_engine(EngineRecipe(kind="slurm", partition="p", jobs=2, poll_seconds=0.01), 1, slurm / "launch")
    jobs = {number: number for number in (0, 1, 3, 4, 5)}
    expected = {0: 0, 1: 2, 3: "three is too many", 4: 8, 5: "ValueError: five"}
    assert outcomes(engine.run(double_or_fail, jobs, Stage(slurm / "stage"))) == expected
    assert outcomes(LocalEngine(1).run(double_or_fail, jobs, Stage(slurm / "stage"))) == expected | {5: "five"}
    script = next((slurm / "launch").rglob("launch_script.slurm")).read_text()
    assert "--partition=p" in script and "--array=0-1" in script and f'export PATH="{Path(sys.executable).parent}:$PATH"' in script


def test_what_somebody_else_put_into_a_launch_survives_its_removal(slurm: Path) -> None:
    launches = slurm / "launch"
    engine = make_engine(EngineRecipe(kind="slurm", partition="p", jobs=2, poll_seconds=0.01), 1, launches)

    def launch() -> Path:
        assert len(list(engine.run(double_or_fail, {1: 1, 2: 2}, Stage(slurm / "stage")))) == 2
        return next(launches.glob("stage-*"))

    launch()
    remove_launches(launches)
    assert not launches.exists()
    foreign = [launch() / "notes.txt", launches / "results.md", launches / "other-0123456789abcdef-01234567" / "jobs.pickle"]
    foreign += [launches / "stage-01234567" / "results" / "7.json", launches / "write-0123456789abcdef.slurm.json"]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    remove_launches(launches)
    assert sorted(path for path in launches.rglob("*") if path.is_file()) == sorted(foreign)


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
