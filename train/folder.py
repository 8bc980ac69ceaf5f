"""A folder that is either whole or not there."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from train.checkpoint import commit_folder
from train.errors import TrainError


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to fill, which is renamed to `out` at the end; after an error nothing of it is left. Raises TrainError if `out` is in use."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise TrainError(f"{out}: not empty; give a new folder")
    with replaced_folder(out) as folder:
        yield folder


@contextmanager
def replaced_folder(out: Path) -> Iterator[Path]:
    """The same, in the place of whatever `out` holds. Raises TrainError if it cannot be written."""
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        commit_folder(temporary, out)
    except (OSError, SafetensorError) as error:
        raise TrainError(f"{out}: could not be written ({error}); free some space, and rerun the same command") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
