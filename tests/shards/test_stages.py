import os
import signal
import subprocess
import sys
from multiprocessing import forkserver

import pyarrow as pa
import pytest

from shards.errors import ShardError
from shards.folder import claim
from shards.processes import process_context
from shards.stages import Stage, TaskPool, remove_stages, run_tasks
from tests.shards.test_folder import BATCH, files

SCHEMA = pa.schema([("n", pa.int64())])


def numbers(*values: int) -> list[pa.RecordBatch]:
    return [pa.record_batch([pa.array(values, pa.int64())], schema=SCHEMA)]


def double_or_fail(n: int) -> int:
    if n == 2:
        raise ValueError("two")
    return 2 * n


def die(number: int) -> None:
    os.kill(os.getpid(), number)


def test_a_task_is_done_only_after_its_commit(tmp_path):
    stage = Stage(tmp_path)
    assert not stage.is_done(3)
    stage.commit(3, {"kept": numbers(1, 2), "dropped": numbers(7)}, {"kept": SCHEMA, "dropped": SCHEMA}, {"docs": 3})
    assert stage.is_done(3) and stage.info(3) == {"docs": 3}
    assert stage.table(3, "kept")["n"].to_pylist() == [1, 2]


def test_a_damaged_task_file_is_refused_and_a_truncated_one_is_not_done(tmp_path):
    stage = Stage(tmp_path)
    stage.commit(0, {"kept": numbers(1, 2)}, {"kept": SCHEMA})
    path = tmp_path / stage.files(0, "kept")[0].name
    whole = bytearray(path.read_bytes())
    whole[40] ^= 255
    path.write_bytes(whole)
    with pytest.raises(ShardError, match=path.name):
        stage.table(0, "kept")
    path.write_bytes(whole[:-1])
    assert not stage.is_done(0)


def test_linking_leaves_out_empty_files_unless_all_are(tmp_path):
    stage = Stage(tmp_path / "stage")
    for task, batches in enumerate([numbers(1), [], numbers(2)]):
        stage.commit(task, {"kept": batches}, {"kept": SCHEMA})
    (tmp_path / "set").mkdir()
    assert [file.n_rows for file in stage.link_into(tmp_path / "set", range(3), "kept")] == [1, 1]
    assert [file.n_rows for file in stage.link_into(tmp_path / "set", [1], "kept")] == [0]


@pytest.mark.parametrize("workers", [1, 2])
def test_one_failing_task_does_not_stop_the_others(workers):
    results = dict(run_tasks(double_or_fail, [1, 2, 3], workers))
    assert results[0] == 2 and results[2] == 6 and isinstance(results[1], ValueError)


def own_pid(n: int) -> int:
    return os.getpid()


def test_a_pool_keeps_its_processes_from_stage_to_stage():
    with TaskPool(1) as pool:
        assert {pid for _, pid in pool.run(own_pid, [1, 2, 3])} == {os.getpid()}
    with TaskPool(2) as pool:
        first, second = ({pid for _, pid in pool.run(own_pid, range(20))} for _ in range(2))
    assert os.getpid() not in first | second and len(first | second) <= 2


def test_workers_start_with_the_preloaded_modules():
    asked = "[\"'colorsys' in __import__('sys').modules\"] * 4"
    code = f"from shards.stages import TaskPool\nwith TaskPool(2, ['colorsys']) as pool: print(sorted(pool.run(eval, {asked})))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[(0, True), (1, True), (2, True), (3, True)]"


@pytest.mark.parametrize(
    "number, said",
    [
        (signal.SIGKILL, r"packing: a worker process was killed \(SIGKILL\), as the system does when memory runs out; give it fewer workers"),
        (signal.SIGABRT, r"packing: a worker process was aborted \(SIGABRT\), as libraries do when memory runs out; give it fewer workers"),
        (signal.SIGSEGV, r"packing: a worker process died \(SIGSEGV\); rerun to resume"),
    ],
)
def test_a_dead_worker_is_reported_with_the_reason(number, said):
    with pytest.raises(ShardError, match=said):
        list(run_tasks(die, [number] * 2, 2, "packing"))


def test_a_sweep_takes_only_temporaries_of_names_that_a_stage_or_its_record_has(tmp_path):
    ours = [".documents-00000-00000.arrow.123.tmp", ".00003.json.12.34.tmp", ".bloom.bin.7.tmp"]
    theirs = [".notes.123.tmp", ".data.arrow.1.tmp", ".documents-00000-00000.arrow.tmp", "documents-00000-00000.arrow.1.tmp", ".x.1.2.tmp"]
    claim(tmp_path, ["bloom.bin"])
    for name in [*ours, *theirs]:
        (tmp_path / name).write_text("x")
    (tmp_path / ".00004.json.1.tmp").symlink_to(tmp_path / ".notes.123.tmp")
    Stage(tmp_path).sweep()
    assert sorted(path.name for path in tmp_path.iterdir() if not path.is_symlink()) == sorted([*theirs, ".cptkit-files"])
    assert (tmp_path / ".notes.123.tmp").read_text() == "x"
    Stage(tmp_path / "nothing there").sweep()


def test_a_kill_of_the_process_that_starts_workers_is_reported(monkeypatch):
    read_id_of_worker = forkserver.read_signed

    def kill_and_read(pipe):
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
        return read_id_of_worker(pipe)

    with TaskPool(2, preload=("json",)) as pool:
        process_context(("json",))
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGSTOP)  # so that it starts none before it is killed
        monkeypatch.setattr(forkserver, "read_signed", kill_and_read)
        with pytest.raises(ShardError, match="counting: the process that starts workers died; rerun to resume"):
            list(pool.run(len, ["a", "b"], "counting"))


def test_stages_are_removed_file_by_file(tmp_path):
    for name in ("write-0", "write-1", "mine"):
        Stage(tmp_path / name).commit(0, {"a": [BATCH]}, {"a": BATCH.schema})
    claim(tmp_path / "write-0", ["index/a.npy"])
    (tmp_path / "write-0" / "index").mkdir()
    (tmp_path / "write-0" / "index" / "a.npy").write_text("")
    (tmp_path / "write-0" / ".a-00001-00000.arrow.77.tmp").write_text("half")
    (tmp_path / "write-0" / "a-00002-00000.arrow").write_text("of a task that was killed before its commit")
    (tmp_path / "write-1" / "notes.txt").write_text("mine")
    remove_stages(tmp_path, r"write-\d")
    assert files(tmp_path) == ["mine/00000.json", "mine/a-00000-00000.arrow", "write-1/notes.txt"]
    assert not (tmp_path / "write-0").exists()
