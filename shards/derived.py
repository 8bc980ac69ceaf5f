"""Pages made from a folder's figures and kept beside them (report.html, a card): gone when the figures change, so that none shows old ones.

The folder remembers, in `.derived.json`, which files were derived and what they held. Only those are ever removed; one that somebody has
edited since stays, and is named.
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from shards.atomic import file_checksum
from shards.errors import ShardError
from shards.folder import claim, write_page
from shards.names import Checksum
from shards.record import read_record, write_record

RECORD = ".derived.json"


@dataclass(frozen=True)
class _Derived:
    files: dict[str, Checksum] = field(default_factory=dict)
    """Name → checksum of the content that was written."""


def write_derived(folder: Path, path: Path, data: bytes) -> None:
    """Write `data` to `path`; if that lies in `folder` itself, remember it as derived from what `folder` holds."""
    write_page(path, data)
    if path.resolve().parent == folder.resolve() and not path.is_symlink():
        claim(folder, [RECORD])
        write_record(folder / RECORD, {"files": _known(folder) | {path.name: file_checksum(path)}})


def drop_derived(folder: Path, remedy: str) -> None:
    """Remove what was derived from the folder's figures, which are about to change; `remedy` says how to make it again."""
    for name, checksum in _known(folder).items():
        path = folder / name
        if not path.is_file() or path.is_symlink():
            continue
        if file_checksum(path) == checksum:
            path.unlink()
            logging.info("%s showed earlier figures and is removed; %s", path, remedy)
        else:
            logging.warning("%s was edited and stays, but its figures are those of an earlier run; %s", path, remedy)
    (folder / RECORD).unlink(missing_ok=True)


def _known(folder: Path) -> dict[str, str]:
    try:
        found = read_record(folder / RECORD, _Derived).files
        return {name: checksum for name, checksum in found.items() if Path(name).name == name}
    except FileNotFoundError:
        return {}
    except ShardError as error:
        logging.warning("%s; what it named stays as it is", error)
        return {}
