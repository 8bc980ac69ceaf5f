"""`curate synthesize` against a plain asyncio loop over the official client: the same prompts, server, faults and kills.

    python -m benchmarks.synthesize [--requests 1000] [--concurrency 64] [--fault-share 0.2] [--kills 2]

The server is that of the tests, over real HTTP in a process of its own. A fifth of the attempts fail: 5xx, 429, dropped connections, HTML,
truncated JSON, empty and slow answers. Both programs are killed (kill -9) after 30% and 60% of the answers and restarted. The loop is a
straightforward one: a semaphore, the client's own retries, answers appended to a file, and a rerun that skips the prompts in that file.

`repeated`: requests sent again although their answer was on disk at the kill. `answered_twice`: good answers that the server gave more than once,
which includes those in flight at a kill, which no program can keep. `lost`: prompts without a document at the end.
"""

import argparse
import asyncio
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import print_result
from curate.synthesize.journal import read_journal
from tests.curate.synthesize.server import Server
from tests.curate.synthesize.sets import TASK, prose, write_documents, write_yaml

_RETRIES = 8


def peer(base_url: str, prompts: Path, answers: Path, concurrency: int) -> None:
    """The plain loop, as a program of its own."""
    import openai

    asked = json.loads(prompts.read_text())
    done = {json.loads(line)["number"] for line in answers.read_text().splitlines() if line.endswith("}")} if answers.exists() else set()

    async def go() -> None:
        room = asyncio.Semaphore(concurrency)
        async with openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=_RETRIES, timeout=60) as client:
            with answers.open("a", buffering=1) as handle:

                async def one(number: int, prompt: str) -> None:
                    async with room:
                        try:
                            made = await client.chat.completions.create(
                                model="test-model",
                                messages=[{"role": "user", "content": prompt}],
                                max_tokens=256,
                                extra_headers={"X-Request-Id": _name(prompt)},
                            )
                            text = made.choices[0].message.content
                        except (openai.OpenAIError, ValueError, AttributeError, IndexError, TypeError) as error:
                            print(f"{number}: {type(error).__name__}", file=sys.stderr)
                            return
                        if text:
                            handle.write(json.dumps({"number": number, "text": text}) + "\n")

                await asyncio.gather(*(one(number, prompt) for number, prompt in enumerate(asked) if number not in done))

    asyncio.run(go())


def measure(command: list[str], server: Server, on_disk: Callable[[], set[str]], kill_at: list[int]) -> dict[str, Any]:
    """Run a program, kill it when enough answers are on disk, rerun it to its end. Returns figures over all starts."""
    repeated, started, cpu = 0, time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    for n_answers in [*kill_at, None]:
        known, n_asked = on_disk(), len(server.asked())
        process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            if n_answers is not None and len(on_disk()) >= n_answers:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.05)
        repeated += len({one["id"] for one in server.asked()[n_asked:]} & known)
    answered = Counter(server.answered())
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = time.monotonic() - started
    return {
        "requests": len(answered),
        "repeated": repeated,
        "answered_twice": sum(n - 1 for n in answered.values()),
        "tries": len(server.asked()),
        "seconds": seconds,
        "requests_per_second": len(answered) / seconds,
        "cpu_seconds": usage.ru_utime - cpu,
    }


def ours(folder: Path, n: int, options: argparse.Namespace, kill_at: list[int]) -> dict[str, Any]:
    """`curate synthesize` with its journal."""
    out = folder / "out"
    with Server(folder / "server", seconds=options.seconds, fault_share=options.fault_share, slow_seconds=0.5) as server:
        generator = {"kind": "openai", "model": "test-model", "base_urls": server.url, "concurrency": options.concurrency}
        content = {"inputs": str(folder / "corpus"), "task": str(folder / "task.yaml"), "generator": generator, "out": str(out)}
        made = write_yaml(folder / "recipe.yaml", content)
        command = [sys.executable, "-m", "benchmarks.synthesize", "--ours", str(made), str(folder / "ours.memory")]

        def on_disk() -> set[str]:
            return {answer.key for path in (out / "journal").glob("*.jsonl") for answer in read_journal(path)}

        found = measure(command, server, on_disk, kill_at)
    report = json.loads((out / "synthesis.json").read_text())
    return found | {"lost": n - report["counts"].get("documents", 0), "peak_memory_mb": _memory(folder / "ours.memory")}


def theirs(folder: Path, n: int, options: argparse.Namespace, kill_at: list[int]) -> dict[str, Any]:
    """The plain loop."""
    answers = folder / "answers.jsonl"
    prompts = json.loads((folder / "prompts.json").read_text())
    with Server(folder / "server-2", seconds=options.seconds, fault_share=options.fault_share, slow_seconds=0.5) as server:
        arguments = [server.url, str(folder / "prompts.json"), str(answers), str(options.concurrency), str(folder / "peer.memory")]

        def on_disk() -> set[str]:
            lines = answers.read_text().splitlines() if answers.exists() else []
            return {_name(prompts[json.loads(line)["number"]]) for line in lines if line.endswith("}")}

        found = measure([sys.executable, "-m", "benchmarks.synthesize", "--peer", *arguments], server, on_disk, kill_at)
    return found | {"lost": n - len(on_disk()), "peak_memory_mb": _memory(folder / "peer.memory")}


def main() -> None:
    """Run both; the last line is JSON."""
    if sys.argv[1:2] == ["--ours"]:
        sys.exit(_run_ours(Path(sys.argv[2]), Path(sys.argv[3])))
    if sys.argv[1:2] == ["--peer"]:
        peer(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5]))
        _write_memory(Path(sys.argv[6]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--fault-share", type=float, default=0.2)
    parser.add_argument("--seconds", type=float, default=0.05, help="the server's time for an answer")
    parser.add_argument("--kills", type=int, default=2)
    options = parser.parse_args()
    n = options.requests
    kill_at = [round(n * 0.3 * (index + 1)) for index in range(options.kills)]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        texts = prose(n)
        write_documents(folder / "corpus", texts)
        write_yaml(folder / "task.yaml", TASK | {"sampling": {"max_tokens": 256}})
        (folder / "prompts.json").write_text(json.dumps([f"Ask about this.\n\n{text}" for text in texts]))
        found = {"ours": ours(folder, n, options, kill_at), "peer": theirs(folder, n, options, kill_at)}
    exact = all(found["ours"][name] == 0 for name in ("repeated", "lost"))
    ratio = found["ours"]["requests_per_second"] / found["peer"]["requests_per_second"]
    settings = {"requests": n, "concurrency": options.concurrency, "fault_share": options.fault_share, "kills": options.kills}
    print_result(found | {"ratio": ratio, "agreement": exact, "settings": settings})


def _run_ours(recipe: Path, memory: Path) -> int:
    from curate.synthesize.recipe import SynthesizeRecipe
    from curate.synthesize.run import run
    from shards.recipe import load_run_recipe

    loaded, out = load_run_recipe(recipe, SynthesizeRecipe)
    run(loaded, out, 1)
    _write_memory(memory)
    return 0


def _name(prompt: str) -> str:
    return hashlib.sha256(prompt.encode()).hexdigest()[:32]


def _write_memory(path: Path) -> None:
    path.write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def _memory(path: Path) -> float:
    return float(path.read_text()) if path.exists() else float("nan")


if __name__ == "__main__":
    main()
