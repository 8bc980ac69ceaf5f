"""`make bench`: run every benchmark with its default input and write `benchmarks/RESULTS.md`.

A benchmark is a module here with a `main` that prints one JSON object on its last line: ours, peer, ratio, agreement. Benchmarks that need text get
the demo's general corpus, made from this machine's own documentation.
"""

import json
import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

from benchmarks.gpu_results import section

HERE = Path(__file__).parent
TEXT = HERE.parent / "examples" / "demo" / "out" / "python" / "harvest" / "general.jsonl.zst"
ARGUMENTS = {
    "signals": ["--input", str(TEXT), "--limit", "2000"],
    "curate": ["--input", str(TEXT), "--limit", "2000"],
    "classify": ["--input", str(TEXT)],
    "minhash": ["--input", str(TEXT), "--limit", "2000"],
    "pii": ["--input", str(TEXT)],
    "substring": ["--input", str(TEXT)],
    "tokenize": ["--input", str(TEXT), "--tokenizer", "examples/base"],
    "pack": [],
    "plan": [],
    "stream": [],
    "synthesize": [],
    "laws": [],
    "suggest": ["--repetitions", "66"],
    "coverage": [],
    "train_step": [],
    "harness_agreement": [],
}


def main() -> None:
    """Run all and write the table. Raises SystemExit at the first benchmark that fails."""
    if not TEXT.exists():
        subprocess.run([sys.executable, "-m", "examples.demo.harvest", "--out", str(TEXT.parent)], check=True)
    lines = [
        "# Results",
        "",
        f"Written by `make bench` on {date.today().isoformat()}: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}.",
        "Machines are shared and noisy: the ratio within one run means more than either figure.",
        "",
        "| benchmark | ours | peer | ratio | agreement |",
        "|---|---|---|---|---|",
    ]
    for name, arguments in ARGUMENTS.items():
        result = run(name, arguments)
        lines.append(f"| `{name}` | {_cell(result['ours'])} | {_cell(result['peer'])} | {_number(result['ratio'])} | {_cell(result['agreement'])} |")
    lines += ["", section() or "Nothing of this has run on a GPU: `benchmarks/gpu.sh` does it there, in under 8 minutes.\n"]
    (HERE / "RESULTS.md").write_text("\n".join(lines))
    print(f"wrote {HERE / 'RESULTS.md'}")


def run(name: str, arguments: list[str]) -> dict[str, object]:
    """The JSON object that a benchmark prints last; its other lines go to the terminal."""
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"benchmark {name} failed")
    *text, last = done.stdout.strip().split("\n")
    print("\n".join([f"== {name}", *text]))
    return json.loads(last)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_number(inner)}" for key, inner in value.items() if not isinstance(inner, dict | list))
    return _number(value)


def _number(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
