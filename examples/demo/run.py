"""The demo: real text of this machine through every command, to `examples/demo/report.html`.

DOMAIN and GENERAL in the environment name folders or files of your own to use instead of the harvested text; BASE another model.
Each step is one of the five commands, printed before it runs, so that any of them can be repeated by hand.
"""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def main() -> None:
    """Run all steps in order; each resumes or is skipped if an earlier run finished it. Exits non-zero at the first failure."""
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
        "report": f"evaluate report {recipes}/report.yaml",
    }
    for name, command in steps.items():
        seconds[name] = run(command)
    Path(out, "seconds.json").write_text(json.dumps({name: round(value, 1) for name, value in seconds.items()}, indent=1))
    print(f"\nDone in {time.monotonic() - started:.0f} s. Open {HERE.relative_to(ROOT)}/report.html")


def prepare_environment() -> None:
    """Set OUT, DOMAIN and GENERAL for the recipes; harvest this machine's text where the user named none."""
    own_domain = os.environ.get("DOMAIN")
    out = HERE.relative_to(ROOT) / "out" / (Path(own_domain).name if own_domain else "python")
    os.environ.setdefault("OUT", str(out))
    os.environ.setdefault("BASE", str(HERE.parent.relative_to(ROOT) / "base"))
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if own_domain:
        os.environ.setdefault("DOMAIN_RULES", "[gopher_repetition]")
        os.environ.setdefault("TITLE", f"A small English model learns {Path(own_domain).name}")
    if not (own_domain and os.environ.get("GENERAL")):
        run(f"python -m examples.demo.harvest --out {out}/harvest")
    os.environ["DOMAIN"] = own_domain or f"{out}/harvest/domain.jsonl.zst"
    os.environ["GENERAL"] = os.environ.get("GENERAL") or f"{out}/harvest/general.jsonl.zst"
    for name in ("OUT", "DOMAIN", "GENERAL", "BASE", "DOMAIN_RULES"):
        if name in os.environ:
            print(f"export {name}={shlex.quote(os.environ[name])}")


def run(command: str) -> float:
    """Print and run one command; returns its seconds."""
    print(f"\n$ {command}", flush=True)
    started = time.monotonic()
    done = subprocess.run(shlex.split(command))
    if done.returncode:
        sys.exit(f"this step failed with exit code {done.returncode}: {command}")
    return time.monotonic() - started


if __name__ == "__main__":
    main()
