"""Records as a test wants them: read without their checksum, and edited by somebody who knows how to make a new one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shards.record import CHECKSUM, sealed


def content_of(path: Path) -> dict[str, Any]:
    """A record's content, unchecked."""
    return {key: value for key, value in json.loads(Path(path).read_text(encoding="utf-8")).items() if key != CHECKSUM}


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Let `change` edit a record's content in place, and seal it again."""
    content = content_of(path)
    change(content)
    Path(path).write_bytes(sealed(content))
