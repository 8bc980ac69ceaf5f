"""The demo: takes text that is on this machine through every command, to `examples/demo/report.html`.

The environment variables DOMAIN and GENERAL name your own folders or files instead of the harvested text; BASE names another model. Each step is
one of the five commands and is printed before it runs, so that you can repeat it.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import FrameType

from shards.processes import killed_with_parent
from shards.signals import EXIT_CODES, closing_words

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

_step: "subprocess.Popen[bytes] | None" = None
_received: list[int] = []
"""Signals received while a step ran."""


def main() -> None:
    """Run all steps in order; each resumes, or is skipped if an earlier run finished it. Exits non-zero at the first failure."""
    pass_signals_on()
    os.chdir(ROOT)
    prepare_environment()
    recipes, out, base = HERE.relative_to(ROOT) / "recipes", os.environ["OUT"], os.environ["BASE"]
    started = time.monotonic()
    seconds: dict[str, float] = {}
    steps = {
        "curate domain": f"curate run {recipes}/curate-domain.yaml",
        "curate general": f"curate run {recipes}/curate-general.yaml",
        "tokenize domain": f"tokenize run {out}/curate/domain/documents --tokenizer {base} --out {out}/tokens/domain",
        "tokenize general": f"tokenize run {out}/curate/general/documents --tokenizer {base} --out {out}/tokens/general",
        "mix with replay": f"mix build {recipes}/mix.yaml",
        "mix without replay": f"mix build {recipes}/mix-no-replay.yaml",
        "train with replay": f"train {recipes}/train.yaml",
        "train without replay": f"train {recipes}/train.yaml --set mix={out}/mix/no-replay --out {out}/train/no-replay",
        "evaluate": f"evaluate run {recipes}/evaluate.yaml",
        "tasks": f"evaluate tasks {recipes}/tasks.yaml",
        "probes": f"evaluate probes {recipes}/probes.yaml",
        "report": f"evaluate report {recipes}/report.yaml",
    }
    for name, command in steps.items():
        seconds[name] = run(command)
    Path(out, "seconds.json").write_text(json.dumps({name: round(value, 1) for name, value in seconds.items()}, indent=1))
    print(f"\nDone in {time.monotonic() - started:.0f} s. Open {HERE.relative_to(ROOT)}/report.html")


def prepare_environment() -> None:
    """Set OUT, DOMAIN and GENERAL for the recipes; harvest this machine's text for those that the user did not set."""
    user_domain = os.environ.get("DOMAIN")
    out = HERE.relative_to(ROOT) / "out" / (Path(user_domain).name if user_domain else "python")
    os.environ.setdefault("OUT", str(out))
    os.environ.setdefault("BASE", str(HERE.parent.relative_to(ROOT) / "base"))
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if user_domain:
        os.environ.setdefault("DOMAIN_RULES", "[gopher_repetition]")
        os.environ.setdefault("TITLE", f"A small English model learns {Path(user_domain).name}")
    if not (user_domain and os.environ.get("GENERAL")):
        run(f"python -m examples.demo.harvest --out {out}/harvest")
    if not os.environ.get("GENERAL"):
        os.environ.setdefault("GENERAL_CLUSTERS", "metadata.package")  # docstrings of one package resemble each other
    os.environ["DOMAIN"] = user_domain or f"{out}/harvest/domain.jsonl.zst"
    os.environ["GENERAL"] = os.environ.get("GENERAL") or f"{out}/harvest/general.jsonl.zst"
    for name in ("OUT", "DOMAIN", "GENERAL", "BASE", "DOMAIN_RULES", "GENERAL_CLUSTERS"):
        if name in os.environ:
            print(f"export {name}={shlex.quote(os.environ[name])}")


def pass_signals_on() -> None:
    """Make Ctrl-C and SIGTERM end the running step, which reports it in one line, and then this process with exit code 130 or 143."""
    for number in EXIT_CODES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _pass_on)


def run(command: str) -> float:
    """Print and run one command; returns its seconds. Exits if it fails, or if a signal arrived meanwhile."""
    global _step
    print(f"\n$ {command}", flush=True)
    started = time.monotonic()
    # In its own process group, so that a Ctrl-C reaches it once, through this process.
    _step = subprocess.Popen(shlex.split(command), process_group=0, preexec_fn=partial(killed_with_parent, os.getpid()))
    code = _step.wait()
    _step = None
    if _received:
        _exit_by(_received[0], is_reported=code in EXIT_CODES.values())
    if code:
        sys.exit(f"this step failed with exit code {code}: {command}")
    return time.monotonic() - started


def _pass_on(number: int, frame: FrameType | None) -> None:
    if _step is None:
        _exit_by(number, is_reported=False)
    else:
        _received.append(number)
        _step.send_signal(signal.SIGTERM)  # for a Ctrl-C too: SIGINT while Python starts would print a traceback


def _exit_by(number: int, *, is_reported: bool) -> None:
    if not is_reported:
        print(f"error: {closing_words(number)}", file=sys.stderr)
    sys.exit(EXIT_CODES[signal.Signals(number)])


if __name__ == "__main__":
    main()
