"""`OUT/importance`: importances that a run estimated before its first step, so that a resumed run has the same to the bit.

OUT/importance/tensors/     in the format of torch.distributed.checkpoint: each process writes its part, any number of processes reads it
OUT/importance/facts.json   hashes of the run, checksums of all files
"""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import torch.distributed.checkpoint as dcp
from pydantic import BaseModel, ConfigDict
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException

from shards.atomic import file_checksum
from shards.names import Checksum, InnerPath
from shards.record import read_record, sealed
from train.devices.world import World
from train.errors import TrainError
from train.save.folder import commit_folder

FOLDER = "importance"

_FACTS, _TENSORS = "facts.json", "tensors"


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid")

    identity: dict[str, str]
    files: dict[InnerPath, Checksum]


def load_or_estimate(out: Path, identity: dict[str, str], tensors: dict[str, Tensor], estimate: Callable[[], None], world: World) -> None:
    """Fill `tensors` from OUT/importance if it is intact and of the run `identity`; otherwise with `estimate()`, and write them there.

    Raises TrainError if they cannot be written.
    """
    options = {"process_group": world.save_group, "no_dist": not world.is_joined}
    if world.from_main(lambda: _is_intact(out / FOLDER, identity)):
        dcp.load(tensors, checkpoint_id=out / FOLDER / _TENSORS, **options)
        return
    estimate()
    temporary = out / f".{FOLDER}.tmp"
    if world.is_main:
        shutil.rmtree(temporary, ignore_errors=True)
    world.barrier()
    try:
        dcp.save(tensors, checkpoint_id=temporary / _TENSORS, **options)
        world.from_main(lambda: _commit(temporary, out, identity))
    except (OSError, CheckpointException) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise TrainError(f"{out / FOLDER}: could not be written ({str(error).splitlines()[0]}); free some space, and rerun the same command") from None


def _is_intact(folder: Path, identity: dict[str, str]) -> bool:
    try:
        facts = read_record(folder / _FACTS, _Facts, error=TrainError, remedy="estimating it again")
        for name, checksum in facts.files.items():
            if not (folder / name).is_file() or file_checksum(folder / name) != checksum:
                raise TrainError(f"{folder / name}: missing or damaged; estimating it again")
    except FileNotFoundError:
        return False
    except TrainError as error:
        logging.warning("%s", error)
        return False
    return facts.identity == identity


def _commit(temporary: Path, out: Path, identity: dict[str, str]) -> None:
    files = {path.relative_to(temporary).as_posix(): file_checksum(path) for path in sorted(temporary.rglob("*")) if path.is_file()}
    (temporary / _FACTS).write_bytes(sealed({"identity": identity, "files": files}))
    commit_folder(temporary, out, FOLDER)
