from pathlib import Path

import pytest

from curate.engines.engine import make_engine
from curate.engines.launch import Launch, RankStep, TaskFailed, missing, remove_launches
from curate.engines.recipe import EngineRecipe
from curate.errors import CurateError
from shards.stages import Stage
from tests.curate.engines.jobs import double_or_fail, outcomes


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
