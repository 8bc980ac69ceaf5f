"""Checkpoints: each is a Hugging Face model folder plus the state that an exact resume needs.

    OUT/checkpoints/step-000100/                 config.json, model.safetensors, tokenizer files
    OUT/checkpoints/step-000100/trainer_state/   float32 weights and the optimizer's state, in the format of torch.distributed.checkpoint:
                                                 each process writes its part, and any number of processes can read it
    OUT/checkpoints/step-000100/facts.json       progress of the run, hashes, checksums of all files

Training continues while a checkpoint is written, because everything is copied to CPU memory first (`train.save.staging`); the Hugging Face model is
written from that copy. Everything goes to a temporary folder, every file is fsynced, and the folder is renamed, so a folder with a final name is
complete. If writing fails, the run continues and the previous checkpoint remains.
"""

import logging
import re
import shutil
import threading
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch.distributed.checkpoint as dcp
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.metadata import TensorStorageMetadata

from shards.atomic import file_checksum, is_full_disk
from shards.folder import remove_recorded
from shards.names import Checksum, Count, InnerPath
from shards.record import read_record, sealed
from train.devices.world import World
from train.errors import TrainError
from train.save.folder import commit_folder
from train.save.staging import CpuStager, SavedWeights

warnings.filterwarnings("ignore", message="torch.distributed is disabled, unavailable or uninitialized")  # a single process is intended

_STATE = "trainer_state"
_FACTS = "facts.json"
_NAME = re.compile(r"step-(\d{6,})")
_TEMPORARY = re.compile(r"\.step-\d{6,}\.tmp")


class CheckpointFacts(BaseModel):
    """`facts.json`: identity and progress of the run. The best checkpoint has the lowest `score`; `files` maps names to xxh3-128 checksums."""

    model_config = ConfigDict(extra="forbid")

    step: Count
    tokens: Count
    next_row: Count
    identity: dict[str, str]
    score: Annotated[float, Field(allow_inf_nan=False)] | None = None
    files: dict[InnerPath, Checksum] = {}


WriteModel = Callable[[Path, Mapping[str, Tensor]], None]
"""Writes the HF model into a folder. The mapping gives the checkpoint's weights by parameter name, whole and on the CPU."""


class Checkpoints:
    """The checkpoints of one run in OUT/checkpoints: the newest `keep_last`, and the best one if any has a score."""

    def __init__(self, folder: Path, keep_last: int, world: World) -> None:
        self._folder, self._keep_last, self._world = folder, keep_last, world
        self._writing: threading.Thread | None = None
        self._problem: str | None = None
        self._stager = CpuStager(world.device)

    def save(self, facts: CheckpointFacts, state: dict[str, Tensor], write_model: WriteModel) -> None:
        """Start writing a checkpoint; returns once `state` is copied. `write_model` is called later, and only on the main process."""
        self.wait()
        target = self._folder / f"step-{facts.step:06d}"
        temporary = self._folder / f".{target.name}.tmp"
        if self._world.is_main:
            shutil.rmtree(temporary, ignore_errors=True)
        self._world.barrier()
        (temporary / _STATE).mkdir(parents=True, exist_ok=True)
        written = dcp.async_save(
            state, checkpoint_id=temporary / _STATE, process_group=self._world.save_group, async_stager=self._stager, no_dist=not self._world.is_joined
        )
        weights = SavedWeights(self._stager.take(), temporary / _STATE)
        self._writing = threading.Thread(target=self._finish, args=(written, temporary, target, facts, partial(write_model, temporary, weights)))
        self._writing.start()

    def wait(self, *, must_succeed: bool = False) -> None:
        """Wait until the last checkpoint is written. With `must_succeed`, raises TrainError if writing failed; otherwise the failure was only logged."""
        if self._writing is not None:
            self._writing.join()
            self._writing = None
        problem, self._problem = self._problem, None
        if problem is not None and must_succeed:
            raise TrainError(problem)

    def newest(self, identity_at: Callable[[int], Mapping[str, str]]) -> tuple[Path, CheckpointFacts] | None:
        """The newest intact checkpoint; damaged ones are skipped with a warning. Raises TrainError if its identity is not that of its next row."""
        return self._world.from_main(lambda: self._newest(identity_at))

    def load(self, path: Path, state: dict[str, Tensor]) -> None:
        """Load a checkpoint into the tensors of `state`; each process loads its own part. Raises TrainError if the checkpoint holds other tensors."""
        try:
            dcp.load(state, checkpoint_id=path / _STATE, process_group=self._world.save_group, no_dist=not self._world.is_joined)
        except (CheckpointException, RuntimeError, KeyError, ValueError) as error:
            raise TrainError(f"{path}: does not hold the tensors of this run ({' '.join(str(error).split())[-200:]}); give another --out") from None

    def _newest(self, identity_at: Callable[[int], Mapping[str, str]]) -> tuple[Path, CheckpointFacts] | None:
        self._sweep()
        newest = newest_intact(self._folder)
        if newest is not None and newest[1].identity != identity_at(newest[1].next_row):
            raise TrainError(f"{newest[0]}: belongs to another recipe, base model or mix; give another --out, or delete {self._folder.parent}")
        return newest

    def _finish(self, written: "Future[Any]", temporary: Path, target: Path, facts: CheckpointFacts, write_model: Callable[[], None]) -> None:
        try:
            written.result()
            if self._world.is_main:
                self._write_model(temporary, write_model)
                files = {str(path.relative_to(temporary)): file_checksum(path) for path in sorted(temporary.rglob("*")) if path.is_file()}
                (temporary / _FACTS).write_bytes(sealed(facts.model_copy(update={"files": files}).model_dump()))
                commit_folder(temporary, self._folder.parent, f"{self._folder.name}/{target.name}")
                self._delete_old()
        except (Exception, CheckpointException) as error:  # in a thread: training continues after any error, and the previous checkpoint remains
            advice = ". Free some space, or lower checkpoint.keep_last" if is_full_disk(_innermost(error)) else ""
            self._problem = f"{target}: could not be written ({_reason(error)}); the previous checkpoint remains{advice}"
            logging.error("%s", self._problem)
            shutil.rmtree(temporary, ignore_errors=True)

    def _write_model(self, folder: Path, write_model: Callable[[], None]) -> None:
        """Write the model; if it cannot be exported, leave only the state, from which the run can resume. A full disk is an error."""
        try:
            write_model()
        except Exception as error:
            if isinstance(error, OSError) and not (error.filename and folder not in Path(error.filename).parents):
                raise  # not an error of reading the base model's files
            for path in folder.iterdir():
                if path.name != _STATE:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            logging.error("%s: the model could not be exported (%s: %s); this checkpoint can only be resumed from", folder, type(error).__name__, error)

    def _delete_old(self) -> None:
        best = best_checkpoint(self._folder)
        for path in list_checkpoints(self._folder)[: -self._keep_last]:
            if best is None or path != best[0]:
                remove_recorded(self._folder.parent, f"{self._folder.name}/{path.name}")
        self._sweep()

    def _sweep(self) -> None:
        """Delete incomplete folders of killed runs. Call it while the run's folder is locked and no checkpoint is being written."""
        for path in self._folder.glob(".step-*.tmp"):
            if _TEMPORARY.fullmatch(path.name) and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)


def list_checkpoints(folder: Path) -> list[Path]:
    """Committed checkpoints in OUT/checkpoints, oldest first."""
    numbered = [(int(match[1]), path) for path in folder.glob("step-*") if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(numbered)]


def newest_intact(folder: Path) -> tuple[Path, CheckpointFacts] | None:
    """The newest checkpoint in OUT/checkpoints whose files are whole; damaged ones are skipped with a warning."""
    for path in reversed(list_checkpoints(folder)):
        try:
            facts = read_facts(path)
            check_files(path, facts)
        except TrainError as error:
            logging.warning("%s; falling back to the checkpoint before it", error)
            continue
        return path, facts
    return None


def tensor_shapes(checkpoint: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors in a checkpoint's state, by name."""
    stored = dcp.FileSystemReader(checkpoint / _STATE).read_metadata().state_dict_metadata
    return {name: tuple(item.size) for name, item in stored.items() if isinstance(item, TensorStorageMetadata)}


def best_checkpoint(folder: Path) -> tuple[Path, CheckpointFacts] | None:
    """The checkpoint with the lowest score, the earliest of equal ones; None if none has a score."""
    scored = []
    for path in list_checkpoints(folder):
        try:
            facts = read_facts(path)
        except TrainError:
            continue
        if facts.score is not None:
            scored.append((facts.score, facts.step, path, facts))
    return min(scored, key=lambda entry: entry[:2])[2:] if scored else None


def read_facts(checkpoint: Path) -> CheckpointFacts:
    """Read facts.json of a checkpoint. Raises TrainError if it is missing or damaged, or if its step differs from the folder's name."""
    path, remedy = checkpoint / _FACTS, "delete this checkpoint"
    try:
        facts = read_record(path, CheckpointFacts, error=TrainError, remedy=remedy)
    except FileNotFoundError:
        raise TrainError(f"{path}: missing, so this checkpoint is incomplete; {remedy}") from None
    if (match := _NAME.fullmatch(checkpoint.name)) and int(match[1]) != facts.step:
        raise TrainError(f"{path}: says step {facts.step}, unlike its folder's name; {remedy}")
    return facts


def check_files(checkpoint: Path, facts: CheckpointFacts) -> None:
    """Raise TrainError naming a file that is missing or damaged."""
    for name, checksum in facts.files.items():
        path = checkpoint / name
        if not path.exists() or file_checksum(path) != checksum:
            raise TrainError(f"{path}: {'missing' if not path.exists() else 'damaged (its checksum differs)'}")


def _innermost(error: BaseException) -> BaseException:
    """DCP wraps the errors of all processes."""
    return next(iter(error.failures.values()))[0] if isinstance(error, CheckpointException) and error.failures else error


def _reason(error: BaseException) -> str:
    """First line of the innermost error."""
    lines = str(_innermost(error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__
