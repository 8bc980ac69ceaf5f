"""Tables that are slow to build, cached on disk beside the compiled kernels: spaCy's rules, Unicode classes, model weights."""

import sys
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import xxhash

from shards.atomic import write_atomically
from shards.errors import ShardError

FOLDER = Path(__file__).parent / "__pycache__"


def kept_arrays(name: str, made_from: Sequence[str], make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays that `make` returns, read from disk if cached for this Python and the same `made_from`.

    `made_from`: versions of libraries, `kernel.source_digest` of what makes them. Kept under `name` in FOLDER, if that can be written to,
    in place of those made from something else. A file that can't be read is made again.
    """
    key = xxhash.xxh3_64_hexdigest("\0".join([sys.implementation.cache_tag or "", unicodedata.unidata_version, *made_from]))
    stem = name.replace(":", "-")
    path = FOLDER / f"{stem}.{key}.npz"
    with suppress(OSError, ValueError, EOFError, BadZipFile), np.load(path, allow_pickle=False) as file:
        return dict(file)
    arrays = make()
    packed = BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    with suppress(OSError, ShardError):  # ShardError if the folder is not writable
        FOLDER.mkdir(exist_ok=True)
        for older in FOLDER.glob(f"{stem}.*.npz"):
            older.unlink(missing_ok=True)
        write_atomically(path, packed.getvalue())
    return arrays
