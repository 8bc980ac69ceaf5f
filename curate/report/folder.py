"""What a finished run's folder tells about itself."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from curate.errors import CurateError
from shards.errors import ShardError
from shards.read import ShardSet


class RunFacts(NamedTuple):
    """`report.json`, `timings.json` (empty if there is none), and what the manifest of the documents holds."""

    report: dict[str, Any]
    timings: dict[str, Any]
    recipe: dict[str, Any]
    inputs: list[dict[str, Any]]
    n_files: int


def read_run(out: Path) -> RunFacts:
    """Raises CurateError if the folder holds no finished run."""
    try:
        report = json.loads((Path(out) / "report.json").read_text(encoding="utf-8"))
        manifest = ShardSet(Path(out) / "documents", "documents", verify=False).manifest
    except (OSError, ValueError, ShardError):
        raise CurateError(f"{out}: no finished run here; give the folder that `curate run` wrote, or rerun it to the end") from None
    timings = Path(out) / "timings.json"
    told = json.loads(timings.read_text()) if timings.exists() else {}
    return RunFacts(report, told, dict(manifest.recipe), list(manifest.info["inputs"]), len(manifest.files))
