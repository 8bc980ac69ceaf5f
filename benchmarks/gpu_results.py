"""The section of RESULTS.md about runs on GPUs, which `make bench` keeps.

python -m benchmarks.gpu_results DEVICE PART STATUS SECONDS LOG      appends a part's outcome below today's heading for this device
"""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "RESULTS.md"
HEADING = "## On a GPU"
_TIMED_OUT = (124, 137)


def main() -> None:
    """Append and print a line; an empty DEVICE only prints it."""
    device, part, status, seconds, log = sys.argv[1:]
    path = Path(log)
    line = describe(part, int(status), int(seconds), path.read_text(encoding="utf-8", errors="replace") if path.exists() else "")
    print(line)
    if device:
        append(line, f"### {date.today().isoformat()}, {device}")


def describe(part: str, status: int, seconds: int, output: str) -> str:
    """One line about a part: its exit status if it failed, else the last line of its output, with a JSON object in words."""
    lines = output.strip().splitlines()
    last = lines[-1] if lines else "no output"
    if status in _TIMED_OUT:
        outcome = f"ran out of time; last line: {last[:200]}"
    elif status:
        outcome = f"failed with exit status {status}; last line: {last[:200]}"
    else:
        outcome = _words(json.loads(last)) if last.startswith("{") else last
    return f"- `{part}`, {seconds} s: {outcome}"


def append(line: str, title: str, results: Path = RESULTS) -> None:
    """Append `line` to `results`, below `title`, which is added at the end of the section where it is missing."""
    text = results.read_text(encoding="utf-8") if results.exists() else "# Results\n"
    if HEADING not in text:
        text = f"{text.rstrip()}\n\n{HEADING}\n\nWritten by `benchmarks/gpu.sh`.\n"
    if title not in text:
        text = f"{text.rstrip()}\n\n{title}\n\n"
    before, _, after = text.partition(f"{title}\n\n")
    lines, _, rest = after.partition("\n\n")
    listed = "\n".join(filter(None, [lines.strip(), line]))
    results.write_text(f"{before}{title}\n\n{listed}\n" + (f"\n{rest}" if rest else ""), encoding="utf-8")


def section(results: Path = RESULTS) -> str:
    """The section with its heading; empty if there is none."""
    text = results.read_text(encoding="utf-8") if results.exists() else ""
    return text[text.index(HEADING) :] if HEADING in text else ""


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {{{_words(inner)}}}" if isinstance(inner, dict) else f"{key} {_words(inner)}" for key, inner in value.items())
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
