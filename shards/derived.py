"""Pages made from a folder's figures and kept beside them (report.html, a card). They are deleted when the figures change, so that none is out of
date.

The folder lists the derived files and their checksums in `.derived.json`. Only those are ever deleted; a file that was edited since stays, and is
reported.
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
    """Write `data` to `path`; if `path` lies directly in `folder`, record it as derived from the folder's content."""
    write_page(path, data)
    if path.resolve().parent == folder.resolve() and not path.is_symlink():
        claim(folder, [RECORD])
        write_record(folder / RECORD, {"files": _known(folder) | {path.name: file_checksum(path)}})


def drop_derived(folder: Path, remedy: str) -> None:
    """Delete what was derived from the folder's figures, which are about to change; `remedy` says how to derive it again."""
    for name, checksum in _known(folder).items():
        path = folder / name
        if not path.is_file() or path.is_symlink():
            continue
        if file_checksum(path) == checksum:
            path.unlink()
            logging.info("%s was made from earlier figures and is deleted; %s", path, remedy)
        else:
            logging.warning("%s was edited and is kept, but its figures are those of an earlier run; %s", path, remedy)
    (folder / RECORD).unlink(missing_ok=True)


def _known(folder: Path) -> dict[str, str]:
    try:
        files = read_record(folder / RECORD, _Derived).files
        return {name: checksum for name, checksum in files.items() if Path(name).name == name}
    except FileNotFoundError:
        return {}
    except ShardError as error:
        logging.warning("%s; the files it lists are left alone", error)
        return {}
