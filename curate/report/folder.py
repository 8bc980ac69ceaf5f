"""What a finished run's folder tells about itself."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from curate.results import RunFolder, no_run
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
    out = Path(out)
    if (out / "work").is_dir():
        RunFolder.open(out)  # refuses a run whose sets are being exchanged, or were when it stopped
    try:
        report = json.loads((out / "report.json").read_text(encoding="utf-8"))
        manifest = ShardSet(out / "documents", "documents", verify=False).manifest
    except (OSError, ValueError, ShardError):
        raise no_run(out) from None
    timings = out / "timings.json"
    told = json.loads(timings.read_text()) if timings.exists() else {}
    return RunFacts(report, told, dict(manifest.recipe), list(manifest.info["inputs"]), len(manifest.files))
