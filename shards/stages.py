"""Restartable stages: each task's output is committed atomically or not at all.

A stage is a folder named after a key (recipe, inputs, code version: whatever its outputs depend on). A task writes its tables as Arrow files and
then `<task>.json`, which lists them with checksums; that file is the commit. After a kill, a rerun does only the tasks without a commit. Tasks are
numbered by the inputs alone, never by workers, so results do not depend on the number of workers.
"""

import os
import re
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from shards.atomic import is_full_disk
from shards.errors import CptkitError, ShardError
from shards.folder import RECORD_NAME, recorded, remove_recorded, remove_temporaries
from shards.manifest import ShardFile, file_problem, later_problem
from shards.memory import ADVICE, ran_out_of_memory
from shards.processes import begin_worker, interrupts_blocked, process_context
from shards.read import arrow_reader, read_whole
from shards.record import check_values, read_record, write_record
from shards.write import DATA_NAMES, ShardWriter, claim_data

_COMMIT_NAMES = re.compile(r"\d{5,}\.json")
_NAMES = re.compile(rf"{_COMMIT_NAMES.pattern}|{DATA_NAMES.pattern}|{re.escape(RECORD_NAME)}")
T = TypeVar("T")
Result = TypeVar("Result")


class _Commit(BaseModel):
    """Bounds of a task's commit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: dict[str, tuple[ShardFile, ...]]
    info: dict[str, Any]


class Stage:
    """Committed task outputs in `folder`. Safe for any number of processes as long as each task is done by one at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def is_done(self, task: int) -> bool:
        """Whether the task's commit exists and its files have their full size, and their checksum if they were modified since."""
        try:
            commit = self._read_commit(task)
        except (FileNotFoundError, ShardError):
            return False
        record = self.commit_path(task)
        return not any(later_problem(self.folder / file.name, file, record) for files in commit.tables.values() for file in files)

    def sweep(self) -> None:
        """Delete what killed tasks left half-written. Only for the holder of the run's lock, while no task is running anywhere."""
        _remove_temporaries(self.folder)

    def commit(
        self,
        task: int,
        tables: Mapping[str, Iterable[pa.RecordBatch]],
        schemas: Mapping[str, pa.Schema],
        info: Mapping[str, Any] | None = None,
        **writer_options: Any,
    ) -> None:
        """Write the task's tables one after another, then its commit file. `info` is a JSON object kept with it."""
        with self.open_task(task, schemas, **writer_options) as writer:
            for name, batches in tables.items():
                for batch in batches:
                    writer.write(name, batch)
            writer.commit(info)

    def open_task(self, task: int, schemas: Mapping[str, pa.Schema], uncompressed: Iterable[str] = (), **writer_options: Any) -> "TaskWriter":
        """A writer of all tables of a task at once. Those in `uncompressed` can be memory-mapped without a copy."""
        return TaskWriter(self, task, schemas, frozenset(uncompressed), writer_options)

    def info(self, task: int, model: Any = dict[str, Any]) -> dict[str, Any]:
        """The `info` given at commit, which must match `model`. Raises ShardError if the task is not done, or its info does not match."""
        info = self._need_commit(task).info
        check_values(info, model, f"{self.commit_path(task)}: info", f"delete {self.folder} and rerun")
        return info

    def files(self, task: int, name: str) -> list[ShardFile]:
        """The files of one table of a finished task."""
        tables = self._need_commit(task).tables
        if name not in tables:
            raise ShardError(f"{self.commit_path(task)}: tables: no {name}; delete {self.folder} and rerun")
        return list(tables[name])

    def table(self, task: int, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """One table of a finished task, or some of its columns; memory-mapped, checksums verified. Raises ShardError on a damaged file."""
        return pa.concat_tables([_read_columns(path, file.n_rows, columns) for path, file in self._sound_files(task, name)])

    def batches(self, task: int, name: str) -> Iterator[pa.RecordBatch]:
        """The record batches of one table, one in memory at a time. Raises ShardError on a damaged file."""
        for path, file in self._sound_files(task, name):
            with arrow_reader(pa.memory_map(str(path)), path, file.n_rows) as reader:
                yield from (reader.get_batch(index) for index in range(reader.num_record_batches))

    def _sound_files(self, task: int, name: str) -> Iterator[tuple[Path, ShardFile]]:
        for file in self.files(task, name):
            path = self.folder / file.name
            problem = file_problem(path, file)
            if problem:
                raise ShardError(f"{path}: {problem}; delete {self.folder} and rerun")
            yield path, file

    def link_into(self, folder: Path, tasks: Iterable[int], name: str) -> list[ShardFile]:
        """Add one table's files of the tasks to a shard set's folder (hard links where possible), and return them in task order. Empty files are
        left out unless all are empty."""
        files = [file for task in tasks for file in self.files(task, name)]
        chosen = [file for file in files if file.n_rows] or files[:1]
        claim_data(Path(folder), [file.name for file in chosen])
        for file in chosen:
            target = Path(folder) / file.name
            problem = file_problem(self.folder / file.name, file, checksum=False)
            if problem:
                raise ShardError(f"{self.folder / file.name}: {problem}; delete {self.folder} and rerun")
            arrow_reader(pa.memory_map(str(self.folder / file.name)), self.folder / file.name, file.n_rows)
            try:
                os.link(self.folder / file.name, target)
            except OSError:
                temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
                shutil.copyfile(self.folder / file.name, temporary)
                os.replace(temporary, target)
        return chosen

    def commit_path(self, task: int) -> Path:
        """The file whose existence means that the task is done."""
        return self.folder / f"{task:05d}.json"

    def _read_commit(self, task: int) -> _Commit:
        return read_record(self.commit_path(task), _Commit, remedy=f"delete {self.folder} and rerun")

    def _need_commit(self, task: int) -> _Commit:
        try:
            return self._read_commit(task)
        except FileNotFoundError:
            raise ShardError(f"{self.folder}: task {task} is not finished; rerun the command") from None


def remove_stage(folder: Path) -> None:
    """Delete a stage: commits, the files of its tables, finished or not, and what the folder's own record lists. Other files stay, with the folder."""
    folder = Path(folder)
    for name in {name.split("/")[0] for name in recorded(folder)}:
        remove_recorded(folder, name)
    if folder.is_dir():
        for path in folder.iterdir():
            if (_COMMIT_NAMES.fullmatch(path.name) or DATA_NAMES.fullmatch(path.name) or path.name == RECORD_NAME) and not path.is_dir():
                path.unlink()
        _remove_temporaries(folder)
        with suppress(OSError):
            folder.rmdir()


def _remove_temporaries(folder: Path) -> None:
    """Delete temporary files that killed tasks left, of names that a stage uses or that the folder's own record lists."""
    remove_temporaries(folder, _NAMES)
    remove_temporaries(folder, recorded(folder))


def remove_stages(work: Path, names: str, keep: Iterable[Path] = ()) -> None:
    """Delete the stages in `work` whose folder names match the pattern `names`, except those in `keep`; and `work` if that leaves it empty."""
    for path in Path(work).iterdir() if Path(work).is_dir() else ():
        if re.fullmatch(names, path.name) and path.is_dir() and not path.is_symlink() and path not in keep:
            remove_stage(path)
    with suppress(OSError):
        Path(work).rmdir()


class TaskWriter:
    """Writes a task's tables side by side, so that a task can stream: no table waits in memory for another.

    Use as a context manager; leaving it by an exception leaves no file.
    """

    def __init__(self, stage: Stage, task: int, schemas: Mapping[str, pa.Schema], uncompressed: frozenset[str], options: Mapping[str, Any]) -> None:
        self._stage, self._task = stage, task
        self._stack = ExitStack()
        self._writers: dict[str, ShardWriter] = {}
        for name, schema in schemas.items():
            chosen = {**options, "compression": None} if name in uncompressed else options
            self._writers[name] = self._stack.enter_context(ShardWriter(stage.folder, schema, prefix=f"{name}-{task:05d}", **chosen))

    def __enter__(self) -> "TaskWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, name: str, batch: pa.RecordBatch) -> None:
        """Append a batch to one table. Raises ShardError if it has other columns."""
        self._writers[name].write(batch)

    def commit(self, info: Mapping[str, Any] | None = None) -> None:
        """Finish all tables, then write the commit file. `info` is a JSON object kept with it."""
        written = {name: [asdict(file) for file in writer.close()] for name, writer in self._writers.items()}
        write_record(self._stage.commit_path(self._task), {"tables": written, "info": dict(info or {})})


def _read_columns(path: Path, n_rows: int, columns: Sequence[str] | None) -> pa.Table:
    source = pa.memory_map(str(path))
    reader = arrow_reader(source, path, n_rows)
    if columns is None:
        return read_whole(reader, path)
    options = pa.ipc.IpcReadOptions(included_fields=[reader.schema.get_field_index(name) for name in columns])
    return read_whole(pa.ipc.open_file(source, options=options), path).select(list(columns))


def run_tasks(function: Callable[[T], Result], arguments: Sequence[T], workers: int, doing: str = "work") -> Iterator[tuple[int, Result | Exception]]:
    """Call a module-level `function` on each argument in `workers` processes; see `TaskPool.run`."""
    with TaskPool(workers) as pool:
        yield from pool.run(function, arguments, doing)


class TaskPool:
    """`workers` processes that stay for several stages, because each takes seconds to load its modules; 1: everything in this process.

    Use as a context manager. Processes start with the first stage that has more than one task, and then do all tasks. `preload`: modules that they
    share, see `process_context`.
    """

    def __init__(self, workers: int, preload: Sequence[str] = ()) -> None:
        self._workers, self._preload = workers, preload
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "TaskPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close(wait=kind is None)

    def close(self, *, wait: bool = True) -> None:
        """End the processes: when they have done their tasks, or with `wait=False` at once."""
        pool, self._pool = self._pool, None
        if pool is not None:
            if not wait:
                for process in (pool._processes or {}).values():
                    process.kill()
            pool.shutdown(cancel_futures=True)

    def run(self, function: Callable[[T], Result], arguments: Sequence[T], doing: str = "work") -> Iterator[tuple[int, Result | Exception]]:
        """Call a module-level `function` on each argument; yield (index, result) as they finish. `doing` describes the work in messages.

        An exception in a task is yielded in place of its result, so one bad task does not stop the others; if memory ran out, it is a ShardError.
        Raises ShardError if a worker process is killed.
        """
        if self._workers <= 1 or (self._pool is None and len(arguments) <= 1):
            for index, argument in enumerate(arguments):
                yield index, _attempt(function, argument, doing)
            return
        try:
            with interrupts_blocked():
                pool = self._pool = self._pool or _start(min(self._workers, len(arguments)), self._preload)
                waiting: dict[Future[Any], int] = {pool.submit(_attempt, function, argument, doing): index for index, argument in enumerate(arguments)}
        except (EOFError, ConnectionError):  # from the pipe to the fork server
            raise ShardError(f"{doing}: the process that starts workers died; rerun to resume, and if it dies again: {ADVICE}") from None
        processes = list((pool._processes or {}).values())
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                index = waiting.pop(future)
                try:
                    yield index, future.result()
                except BrokenExecutor:
                    pool.shutdown()  # waits for all workers, so that their exit codes are known
                    raise ShardError(f"{doing}: {_describe_end([process.exitcode for process in processes])}") from None


def _start(workers: int, preload: Sequence[str]) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=process_context(preload), initializer=begin_worker)


_OUT_OF_MEMORY: dict[int, str] = {signal.SIGKILL: "killed (SIGKILL), as the system does", signal.SIGABRT: "aborted (SIGABRT), as libraries do"}


def _describe_end(exit_codes: Iterable[int | None]) -> str:
    """Why a worker ended unexpectedly. The pool ends the other workers by SIGTERM, so SIGTERM is reported only if there is no other signal."""
    codes = [code for code in exit_codes if code]
    code = next((code for code in codes if code != -signal.SIGTERM), codes[0] if codes else None)
    if code is not None and -code in _OUT_OF_MEMORY:
        return f"a worker process was {_OUT_OF_MEMORY[-code]} when memory runs out; {ADVICE}"
    if code is not None and code < 0:
        return f"a worker process died ({signal.Signals(-code).name}); rerun to resume, and if it dies again: {ADVICE}"
    return f"a worker process ended{'' if code is None else f' with exit code {code}'} before its task did; rerun to resume"


def _attempt(function: Callable[[T], Result], argument: T, doing: str) -> Result | Exception:
    try:
        return function(argument)
    except CptkitError as error:
        return error
    except Exception as error:
        if ran_out_of_memory(error):
            return ShardError(f"{doing}: memory ran out ({type(error).__name__}{f': {error}' if str(error) else ''}); {ADVICE}")
        if is_full_disk(error):
            return ShardError(f"{doing}: cannot write ({error}); make room and run again, finished work is kept")
        return error
