"""Whether any step of `curate run` takes more than linear time: one hostile document of n and of 4n bytes, by kind of text.

    python -m benchmarks.adversarial [--bytes 65536] [--steps words,signals,…] [--kinds marks,emoji,…] [--seconds 60] [--all]

Every printable mark, samples of all Unicode categories, emoji sequences, combining marks, and repetitions known to slow down regular expressions or
segmenters, through each step by itself, in processes of their own that are killed when they take too long. Prints the lines that are slow (at least
a second per megabyte) or grow (from n to 4n by more than the power 1.3), all lines with --all; the last line is one JSON object.
"""

import argparse
import json
import math
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from benchmarks.adversarial_kinds import pages, texts

FACTOR = 4
"""The larger document has so many times the bytes of the smaller."""
_MIN_SECONDS = 0.05
"""Times below say nothing about growth."""
_MOST_GROWTH = 1.3
_SLOW_SECONDS_PER_MB = 1.0

SPLITTERS = ("spacy:en", "spacy:xx", "spacy:de", "spacy:fr", "icu:th", "jieba:zh", "newmm:th", "sudachi:ja", "kiwi:ko", "characters")
MEASURES = {
    "unicode fix": {"unicode": "fix"},
    "unicode normalize": {"unicode": "normalize"},
    "C4 lines": {"rewrite": {"c4": {}}},
    "language": {"language": {}},
    "pii": {"rewrite": {"pii": {}}},
    "signals": {"signals": ["dolma", "dclm", "code", "maths", "difficulty"], "words": "characters"},
    "minhash": {"dedup": {"minhash": {}}},
    "minhash datatrove": {"dedup": {"minhash": {"hash": "datatrove"}}, "words": "characters"},
    "bloom": {"dedup": {"bloom": {"scope": "line"}}, "words": "characters"},
    "lines": {"dedup": {"lines": {"scope": "line"}}, "words": "characters"},
    "substring": {"dedup": {"substring": {}}},
    "bad words": {"lists": {"bad_words": {"path": "bad.txt", "language": "en"}}},
    "contamination": {"decontaminate": {"evals": ["eval.jsonl"]}},
}
"""Step → what a recipe says to have it."""
EXTRACTORS = ("resiliparse", "trafilatura", "readability", "justext")


class Timing(NamedTuple):
    """CPU seconds for n and FACTOR n bytes; None if the process was killed."""

    step: str
    kind: str
    small: float | None
    large: float | None

    def growth(self) -> float:
        """The power of n by which time grows; 1 if it is too short to measure, infinite if the process was killed."""
        if self.small is None or self.large is None:
            return float("inf")
        if self.large < _MIN_SECONDS:
            return 1.0
        return max(0.0, math.log(self.large / max(self.small, 1e-4)) / math.log(FACTOR))


def document(piece: str, n_bytes: int) -> str:
    """About `n_bytes` of UTF-8 of a piece, see `texts`."""
    parts = piece.split("|") if "|" in piece and piece != "|" else ["", piece]
    first, middle, last = [*parts, ""][:3]
    return first + middle * max(1, (n_bytes - len((first + last).encode())) // len(middle.encode())) + last


def runner(step: str) -> Callable[[str], Any]:
    """Puts a text through the step. `words X`, `extract X`, or a key of MEASURES."""
    kind, _, name = step.partition(" ")
    if kind == "words":
        from curate.kernels.buffers import frozen, text_buffers
        from curate.words.choice import load_splitter

        splitter = load_splitter(name)
        return lambda text: splitter.split(*(frozen(array) for array in text_buffers(pa.array([text], pa.large_string()))))
    if kind == "extract":
        from curate.extract.html import decode_page, load_extractor

        extract = load_extractor(name)
        return lambda text: extract(decode_page(text.encode()))
    return _measure(step)


def _measure(step: str) -> Callable[[str], Any]:
    from curate.recipe import CurateRecipe
    from curate.steps.batch import SITED, Batch
    from curate.steps.order import make_steps, prepare_steps

    folder = Path(tempfile.mkdtemp(prefix="adversarial-"))
    (folder / "bad.txt").write_text("bad\nbad word\na\n!\n")
    (folder / "eval.jsonl").write_text(json.dumps({"text": "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"}) + "\n")
    off: dict[str, Any] = {"unicode": "off", "language": None, "dedup": {"exact": False, "minhash": None}, "rules": []}
    asked = json.loads(json.dumps(MEASURES[step]).replace("bad.txt", str(folder / "bad.txt")).replace("eval.jsonl", str(folder / "eval.jsonl")))
    asked = asked | ({"dedup": {"exact": False, "minhash": None} | asked["dedup"]} if "dedup" in asked else {})
    recipe = CurateRecipe.model_validate({"name": "a", "inputs": ["a"]} | off | asked)
    prepare_steps(recipe, folder)
    steps = [one for one in make_steps(recipe, folder) if step == "signals" or one.name != "signals"]

    def run(text: str) -> None:
        values: dict[str, Any] = {"text": text, "row": 0}
        rows = pa.RecordBatch.from_pylist([values], schema=SITED)
        batch = Batch(pa.array([text], pa.large_string()), rows)
        for one in steps:
            one.apply(batch)

    return run


def _serve(step: str, pipe: Any) -> None:
    run = runner(step)
    for warm_up in ("Warm up, once: a (small) text. 1,2 a@b.com http://a.b/c-d :) ) x:) )\n", "é … — “x” 中文 👍", texts()["eval"]):
        run(warm_up * 20)
    pipe.send(0.0)
    while True:
        text = pipe.recv()
        start = time.process_time()
        run(text)
        pipe.send(time.process_time() - start)


class Worker:
    """A step in a process of its own."""

    def __init__(self, step: str, seconds: float) -> None:
        self._step, self._seconds = step, seconds
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._step, theirs), daemon=True)
        self._process.start()
        theirs.close()
        if not self._pipe.poll(300):
            raise SystemExit(f"{self._step}: did not start")
        self._pipe.recv()

    def seconds(self, text: str) -> float | None:
        """CPU seconds for a text; None if the process took too long, or ended."""
        self._pipe.send(text)
        try:
            if self._pipe.poll(self._seconds):
                return float(self._pipe.recv())
        except EOFError:
            pass
        self.close()
        self._start()
        return None

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.join()


def main() -> None:
    """Print the table and the JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--bytes", type=int, default=65536, help="bytes of the smaller document")
    parser.add_argument("--steps", default="", help="prefixes of the names of steps to run, separated by commas")
    parser.add_argument("--kinds", default="", help="prefixes of the kinds to run, separated by commas")
    parser.add_argument("--seconds", type=float, default=60.0, help="time limit per document")
    parser.add_argument("--all", action="store_true", help="print every line")
    options = parser.parse_args()
    steps = [*(f"words {name}" for name in SPLITTERS), *MEASURES, *(f"extract {name}" for name in EXTRACTORS)]
    chosen = [step for step in steps if not options.steps or step.startswith(tuple(options.steps.split(",")))]
    timings = []
    print(f"{'step':24} {'kind':20} {'n':>9} {'4n':>9} growth", flush=True)
    for step in chosen:
        worker = Worker(step, options.seconds)
        for kind, piece in (pages() if step.startswith("extract") else texts()).items():
            if options.kinds and not kind.startswith(tuple(options.kinds.split(","))):
                continue
            small = worker.seconds(document(piece, options.bytes))
            large = None if small is None else worker.seconds(document(piece, FACTOR * options.bytes))
            timing = Timing(step, kind, small, large)
            timings.append(timing)
            slow = large is None or large * 1e6 / (FACTOR * options.bytes) > _SLOW_SECONDS_PER_MB
            if options.all or slow or timing.growth() > _MOST_GROWTH:
                shown = [f"{seconds:9.3f}" if seconds is not None else "    ended" for seconds in (small, large)]
                print(f"{step:24} {kind:20} {shown[0]} {shown[1]} {timing.growth():5.2f}", flush=True)
        worker.close()
    faults = [timing for timing in timings if timing.growth() > _MOST_GROWTH]
    print(json.dumps({"bytes": options.bytes, "pairs": len(timings), "superlinear": [[one.step, one.kind] for one in faults]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
