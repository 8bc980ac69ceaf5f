"""Folders that are either complete or absent."""

import glob
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from safetensors import SafetensorError

from shards.atomic import is_full_disk, sync_folder
from shards.folder import claim, foreign, recorded, remove_recorded
from shards.lock import LOCK_NAME, folder_lock
from train.errors import TrainError


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A temporary folder to fill; it is renamed to `out` at the end, or deleted after an error. `out` is locked meanwhile.

    Raises TrainError if `out` is not empty or cannot be written, ShardError if another run holds its lock.
    """
    if out.is_file() or (out.is_dir() and any(path.name != LOCK_NAME for path in out.iterdir())):
        raise TrainError(f"{out}: not empty; give a new folder")
    with folder_lock(out), _filled(out) as folder:
        yield folder
        sync_tree(folder)
        (out / LOCK_NAME).unlink()
        os.rename(folder, out)  # fails if another program wrote into `out` meanwhile


@contextmanager
def replaced_folder(run: Path, name: str) -> Iterator[Path]:
    """A temporary folder to fill; at the end it replaces the folder `name` in a run's output folder, which must be locked.

    Raises TrainError if it cannot be written, or if `name` holds files that the record of `run` does not name.
    """
    with _filled(run / name) as folder:
        yield folder
        commit_folder(folder, run, name)


@contextmanager
def _filled(out: Path) -> Iterator[Path]:
    for stale in out.parent.glob(f".{glob.escape(out.name)}.*.tmp"):  # left by a killed run
        if re.fullmatch(r"\d+", stale.name.removeprefix(f".{out.name}.").removesuffix(".tmp")):
            shutil.rmtree(stale, ignore_errors=True)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        yield temporary
    except (OSError, SafetensorError) as error:
        advice = "free some space" if is_full_disk(error) or isinstance(error, SafetensorError) else "mend the cause"
        raise TrainError(f"{out}: could not be written ({error}); {advice}, and rerun the same command") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def commit_folder(temporary: Path, run: Path, name: str) -> None:
    """fsync everything in `temporary` and rename it to `run`/`name`, replacing an older folder that the record of `run` names.

    Raises TrainError if that folder holds files that are not ours.
    """
    sync_tree(temporary)
    remove_recorded(run, name)
    if os.path.lexists(run / name):
        raise TrainError(foreign(next(iter(_files(run / name)), run / name)))
    claim(run, [f"{name}/{path.relative_to(temporary).as_posix()}" for path in _files(temporary)])
    os.rename(temporary, run / name)
    sync_folder((run / name).parent)


def refuse_foreign_folders(run: Path, names: Iterable[str]) -> None:
    """Raise TrainError if a folder of `names` exists in `run`, but the record of `run` names no file in it."""
    ours = {str(parent) for name in recorded(run) for parent in PurePosixPath(name).parents}
    for name in names:
        if os.path.lexists(run / name) and name not in ours:
            raise TrainError(foreign(run / name))


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir() or folder.is_symlink():
        return [folder] if os.path.lexists(folder) else []
    return sorted(path for path in folder.rglob("*") if not path.is_dir())


def sync_tree(folder: Path) -> None:
    """fsync a folder and everything in it."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            sync_folder(path)
            continue
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
    sync_folder(folder)
