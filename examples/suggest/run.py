"""The ratio with its error bar, on real text: 15 short runs, laws, a suggestion under a budget of forgetting, and three runs that test it.

    python -m examples.suggest.run

Needs the same as `make demo` and `pip install 'cptkit[laws]'`, reads the same environment variables (DOMAIN, GENERAL, BASE, TOKENS), and resumes when it is
run again. Each step is a command of this project, printed before it runs. Writes OUT/suggest/: runs.csv, results.md, report.html, figures.
"""

import csv
import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from examples.demo.run import ROOT, pass_signals_on, prepare_environment, run
from examples.suggest.results import write_results

RECIPES = "examples/suggest/recipes"
CORPORA = ("domain", "general")
MOST_ROUNDS = 3
"""Suggestions that are put to the test before the example gives up."""
OTHER_BUDGETS = ("0.5%", "2%", "3.5%", "10%")
"""Budgets that are asked for besides that of suggest.yaml. Not even a run on old text alone keeps the first."""


def main() -> None:
    """Run all steps in order; each resumes, or is skipped if an earlier run finished it."""
    pass_signals_on()
    os.chdir(ROOT)
    prepare_environment()
    out = Path(os.environ["OUT"])
    folder = out / "suggest"
    for corpus in CORPORA:
        run(f"curate run examples/demo/recipes/curate-{corpus}.yaml")
        run(f"tokenize run {out}/curate/{corpus}/documents --tokenizer {os.environ['BASE']} --out {out}/tokens/{corpus}")
    run(f"mix proxies {RECIPES}/proxies.yaml")
    answers = confirm(folder)
    tables = join_tables(folder)
    run(f"evaluate run {RECIPES}/evaluate.yaml --set {shlex.quote(f'models={json.dumps(models_to_compare(folder, tables[-1]))}')}")
    run(f"evaluate report {RECIPES}/report.yaml")
    print(write_results(folder, answers))


def confirm(folder: Path) -> dict[str, str]:
    """Fit, suggest and run the suggested ratio, until a suggestion is confirmed. Returns the answers to other budgets, asked after the first fit."""
    tables, answers = [f"{folder}/proxies/runs.csv"], {}
    shutil.rmtree(folder / "suggestion", ignore_errors=True)
    for attempt in range(1, MOST_ROUNDS + 2):
        override = f"runs=[{', '.join(tables)}]"
        run(f"mix fit {RECIPES}/fit.yaml --set {shlex.quote(override)}")
        run(f"mix suggest {RECIPES}/suggest.yaml")
        suggestion = folder / "suggestion" / "suggestion.json"
        shutil.copyfile(suggestion, folder / f"suggestion-{attempt}.json")
        answers = answers or {budget: ask(folder, budget) for budget in OTHER_BUDGETS}
        if json.loads(suggestion.read_text())["status"] == "confirmed" or attempt > MOST_ROUNDS:
            break
        design, out = json.dumps({"kind": "points", "file": f"{folder}/suggestion/confirm.yaml"}), f"{folder}/confirm-{attempt}"
        run(f"mix proxies {RECIPES}/proxies.yaml --set {shlex.quote(f'design={design}')} --set kinds=[trained] --set seeds=null --out {out}")
        tables.append(f"{out}/runs.csv")
    return answers


def ask(folder: Path, budget: str) -> str:
    """The suggestion under another budget, as the folder that holds it; or the refusal, as one line."""
    out = folder / f"budget-{budget.rstrip('%')}"
    command = ["mix", "suggest", f"{RECIPES}/suggest.yaml", "--set", f"budget.max_general_increase={budget}", "--out", str(out)]
    print(f"\n$ {shlex.join(command)}", flush=True)
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout or done.stderr.strip())
    return str(out) if done.returncode == 0 else " ".join(done.stderr.split()).removeprefix("error: ")


def join_tables(folder: Path) -> list[Path]:
    """Write all runs as one table, those of confirmations last, with one row of the base model. Returns the folders, the last confirmation last."""
    rows: list[dict[str, str]] = []
    folders = [folder / "proxies", *(path for n in range(1, MOST_ROUNDS + 1) if (path := folder / f"confirm-{n}").exists())]
    for name in folders:
        with (name / "runs.csv").open(newline="") as file:
            rows += [row for row in csv.DictReader(file) if row["kind"] != "base" or name == folders[0]]
    with (folder / "runs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return folders


def models_to_compare(folder: Path, confirmed: Path) -> dict[str, str]:
    """The base model, and the models of the suggested ratio, of half and half, and of no replay, by name."""
    with (confirmed / "runs.csv").open(newline="") as file:
        names = [row["run"] for row in csv.DictReader(file) if row["kind"] == "confirmation"]
    models = {"base": os.environ["BASE"]} | {f"suggested-{n}": f"{confirmed}/runs/{name}/train/model" for n, name in enumerate(names, 1)}
    half = ["domain50-general50", "domain50-general50-seed2", "domain50-general50-seed3"]
    models |= {f"half-{n}": f"{folder}/proxies/runs/{name}/train/model" for n, name in enumerate(half, 1)}
    return models | {"no-replay": f"{folder}/proxies/runs/domain100/train/model"}


if __name__ == "__main__":
    main()
