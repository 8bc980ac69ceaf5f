"""The whole English recipe on one core: ours against datatrove's blocks on the same file; two cores against one; memory by size of input.

    python -m benchmarks.curate --input FILE.jsonl.zst [--limit DOCUMENTS] [--lid lid.176.ftz] [--no-peer] [--times N]

The recipe: read zstd JSONL, repair Unicode, identify the language, C4's line rules and the four rule sets, PII, exact copies, MinHash, write.
Rules see the text after C4's lines, so datatrove runs C4 first too. With `--lid` both use that fastText model; without, ours uses its embedded one and
datatrove none. Both are timed in CPU seconds of one process, after a warm-up on other text, from file to files. `agreement` is the Jaccard
similarity of the kept documents; where MinHash finds near copies the two keep another one of the cluster, so agreement within clusters is not counted.

Then the shares of each step, wall time with one and two worker processes, and the peak memory of a run on the input N times over.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ["POLARS_MAX_THREADS"] = "1"

import pyarrow as pa

from benchmarks.harness import print_result, read_texts
from curate.pipeline import run as curate_run
from curate.recipe import CurateRecipe
from curate.steps import order
from shards.read import ShardSet

_WORKERS_MEGABYTES = 200
"""Input for the comparison of one and two processes: enough that their start is a small part."""
WARM_UP = (
    "The warm-up isn’t from the input, but x[:] = y loads spaCy: it has 3 lines, a URL (https://example.org/a-b) and “marks” with &.\n\n- one and a second\n"
    * 20
)


def main() -> None:
    """Run all parts; the last line is one JSON object, speeds in MB (10^6 bytes) of UTF-8 text a second."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--input", type=Path, required=True, help="JSONL with a `text` field, plain, .gz or .zst")
    parser.add_argument("--limit", type=int, help="documents that both run on")
    parser.add_argument("--lid", type=Path, help="a lid.176 file for both")
    parser.add_argument("--no-peer", action="store_true", help="ours alone")
    parser.add_argument("--times", type=int, default=10, help="the second size for memory, as a multiple of the first")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(options, Path(folder))


def measure(options: argparse.Namespace, work: Path) -> None:
    """All parts, in `work`."""
    texts = read_texts(options.input, options.limit)
    n_megabytes = sum(len(text.encode()) for text in texts) / 1e6
    source = write_input(work / "input.jsonl.zst", texts, 1)
    speeds = by_workers(source, work, options.lid, n_megabytes)
    peaks = {n: child_run(write_input(work / f"times-{n}.jsonl.zst", texts, n), work, options.lid, 1)[1] for n in (1, options.times)}
    pin_to_one_core()
    kept, seconds, shares = timed_ours(source, work, options.lid)
    print(f"{len(texts):,} documents, {n_megabytes:.1f} MB; ours {n_megabytes / seconds:.2f} MB/s of one core; shares of CPU time:")
    for name, share in shares:
        print(f"  {name:22s}{share:6.1%}  {n_megabytes / (share * seconds):8.1f} MB/s alone")
    peer_kept, peer_seconds = (kept, None) if options.no_peer else timed_peer(source, work, options.lid)
    print_result(
        {
            "ours": {"mb_per_s": n_megabytes / seconds, "wall_mb_per_s_by_workers": speeds, "peak_mb_by_input_mb": {n_megabytes * n: peaks[n] for n in peaks}},
            "peer": {"mb_per_s": None if peer_seconds is None else n_megabytes / peer_seconds},
            "ratio": None if peer_seconds is None else peer_seconds / seconds,
            "agreement": len(kept & peer_kept) / max(len(kept | peer_kept), 1),
            "kept": {"ours": len(kept), "peer": len(peer_kept)},
            "shares": dict(shares),
        }
    )


def recipe(source: Path, lid: Path | None) -> CurateRecipe:
    """FineWeb's English recipe in our words."""
    return CurateRecipe.model_validate(
        {
            "name": "english",
            "inputs": [{"path": str(source)}],
            "language": {"model": str(lid) if lid else "default", "keep": ["en"], "min_confidence": 0.65},
            "rewrite": {"c4": {"filter_no_terminal_punct": False}, "pii": {}},
            "rules": ["c4", "gopher_repetition", "gopher_quality", "fineweb"],
            "dedup": {"exact": True, "minhash": {}, "keep": "first"},
        }
    )


def write_input(path: Path, texts: list[str], times: int) -> Path:
    """The documents `times` over, each time with another last word, so that they are near copies but not equal."""
    with pa.output_stream(str(path), compression="zstd") as raw, io.TextIOWrapper(raw, "utf-8") as stream:
        for number in range(times):
            for text in texts:
                stream.write(json.dumps({"text": f"{text} {number}" if number else text}) + "\n")
    return path


def timed_ours(source: Path, work: Path, lid: Path | None) -> tuple[set[int], float, list[tuple[str, float]]]:
    """Kept rows, CPU seconds, and the share of each step in them, largest first; `reading and the rest` is what no step accounts for."""
    curate_run.run(recipe(write_input(work / "warm.jsonl.zst", [WARM_UP, WARM_UP + "Another."], 8), lid), work / "warm", 1)
    with clocked() as spent:
        start = time.process_time()
        curate_run.run(recipe(source, lid), work / "ours", 1)
        seconds = time.process_time() - start
    spent["reading and the rest"] = seconds - sum(spent.values())
    kept = set(ShardSet(work / "ours" / "documents").to_table(["row"])["row"].to_pylist())
    return kept, seconds, [(name, value / seconds) for name, value in spent.most_common()]


@contextmanager
def clocked() -> Iterator[Counter[str]]:
    """CPU seconds in each step and in the stages after measuring, while the block runs."""
    spent: Counter[str] = Counter()
    places = [
        *((step, "apply", step.__name__) for step, _ in order.STEPS),
        *((curate_run, name, name.strip("_")) for name in ("_decide", "_compare", "_write", "_commit")),
    ]
    kept = [(place, name, getattr(place, name)) for place, name, _ in places]
    for place, name, label in places:
        setattr(place, name, _clocked(getattr(place, name), label, spent))
    try:
        yield spent
    finally:
        for place, name, function in kept:
            setattr(place, name, function)


def _clocked(function: Any, label: str, spent: Counter[str]) -> Any:
    def run(*arguments: Any) -> Any:
        start = time.process_time()
        try:
            return function(*arguments)
        finally:
            spent[label] += time.process_time() - start

    return run


def timed_peer(source: Path, work: Path, lid: Path | None) -> tuple[set[int], float]:
    """datatrove's kept rows and CPU seconds."""
    from benchmarks.english_datatrove import run_datatrove

    run_datatrove(write_input(work / "peer_warm.jsonl.zst", [WARM_UP], 8), work / "peer_warm", lid)
    start = time.process_time()
    kept = run_datatrove(source, work / "peer", lid)
    return kept, time.process_time() - start


def by_workers(source: Path, work: Path, lid: Path | None, n_megabytes: float) -> dict[str, float]:
    """MB/s on the wall of commands with 1 and 2 processes, their start included; on a busy machine it says little."""
    parts = work / "parts"
    parts.mkdir()
    copies = max(4, round(_WORKERS_MEGABYTES / n_megabytes))
    for number in range(copies):
        (parts / f"{number:03d}.jsonl.zst").write_bytes(source.read_bytes())
    return {str(workers): copies * n_megabytes / child_run(parts, work, lid, workers)[0] for workers in (1, 2)}


def child_run(source: Path, work: Path, lid: Path | None, workers: int) -> tuple[float, float]:
    """The command `curate run`: seconds on the wall, and the peak resident memory of its main process in MB."""
    (work / "recipe.yaml").write_text(json.dumps(recipe(source, lid).model_dump(mode="json", exclude_unset=True)))
    command = [sys.executable, "-c", "from curate.cli import main; main()", "run", str(work / "recipe.yaml")]
    start = time.monotonic()
    child = subprocess.Popen([*command, "--out", str(work / "child"), "--workers", str(workers)], stdout=sys.stderr)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - start
    if status:
        raise RuntimeError(f"curate run ended with {os.waitstatus_to_exitcode(status)}")
    shutil.rmtree(work / "child")
    return seconds, usage.ru_maxrss / 1024


def pin_to_one_core() -> None:
    """From here on, one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


if __name__ == "__main__":
    main()
