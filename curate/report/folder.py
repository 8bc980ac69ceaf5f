"""What a finished run's folder tells about itself."""

from pathlib import Path
from typing import Any, NamedTuple

from curate.errors import CurateError
from curate.report.record import TimingsRecord
from curate.run_folder import RunFolder, documents_manifest, no_run, read_report
from shards.errors import ShardError
from shards.record import check_values, read_record


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
        report = read_report(out)
        manifest = documents_manifest(out)
    except (FileNotFoundError, ShardError):
        raise no_run(out) from None
    path, remedy = out / "timings.json", "delete it, nothing else depends on it"
    try:
        told = read_record(path, dict[str, Any], error=CurateError, remedy=remedy)
        check_values(told, TimingsRecord, str(path), remedy, error=CurateError)
    except FileNotFoundError:
        told = {}
    return RunFacts(report, told, dict(manifest.recipe), list(manifest.info["inputs"]), len(manifest.files))
