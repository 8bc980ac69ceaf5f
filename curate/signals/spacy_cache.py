"""What was read from spaCy's data, kept on disk beside the compiled kernels: importing spaCy costs seconds, in every worker."""

import sys
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from shards.manifest import write_atomically

FOLDER = Path(__file__).parent / "__pycache__"


def cached_arrays(name: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays that `make` gives, from disk if this spaCy and this Python gave them before.

    Kept under `name` in FOLDER, if that can be written to; `kernel.forget_stale_kernels` removes them when a source of ours changed. A
    file that can't be read is made again.
    """
    path = FOLDER / f"{name.replace(':', '-')}.spacy-{version('spacy')}.{sys.implementation.cache_tag}-{unicodedata.unidata_version}.npz"
    with suppress(OSError, ValueError, EOFError, BadZipFile), np.load(path, allow_pickle=False) as file:
        return dict(file)
    arrays = make()
    packed = BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    with suppress(OSError):
        FOLDER.mkdir(exist_ok=True)
        write_atomically(path, packed.getvalue())
    return arrays
