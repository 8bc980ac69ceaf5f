"""Folders that curate and its sisters wrote, which no run reads as input by accident."""

import json
import os
import re
from pathlib import Path

from shards.manifest import MANIFEST_NAME

_STAGE = re.compile(r"[a-z_]+-[0-9a-f]{16}")
_MAX_MANIFEST_BYTES = 64 << 20


def is_shard_set(folder: str) -> bool:
    """Whether the folder holds a manifest of a shard set, sound or not."""
    path = os.path.join(folder, MANIFEST_NAME)
    try:
        if not 0 < os.stat(path).st_size <= _MAX_MANIFEST_BYTES:
            return False
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"kind", "files", "schema_version"} <= content.keys()


def is_ours(folder: str) -> bool:
    """Whether the folder is a shard set, or where a run writes: its `work` holds the record of a run, or stages."""
    return is_shard_set(folder) or any(name == "run.json" or _STAGE.fullmatch(name) for name in _names(os.path.join(folder, "work")))


def lies_in(path: str, folder: str | None) -> bool:
    """Whether `path` is `folder` or below it, whatever links lead to either."""
    if folder is None:
        return False
    inner, outer = os.path.realpath(path), os.path.realpath(folder)
    return inner == outer or inner.startswith(outer.rstrip(os.sep) + os.sep)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
