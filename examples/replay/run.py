"""The replay sweep: the example base model on the demo's corpora, with 0 to 50% of its tokens replayed, three seeds each, at equal tokens.

    python -m examples.replay.run

Needs the same as `make demo`, reads the same environment variables (DOMAIN, GENERAL, BASE, TOKENS), and resumes when it is run again. Writes
OUT/replay/sweep.json, sweep.md and sweep.svg. Each step is a command of this project, printed before it runs.
"""

import json
import os
import shlex
import statistics
from pathlib import Path
from typing import Any

from examples.demo.run import ROOT, pass_signals_on, prepare_environment, run

HERE = Path(__file__).parent
SHARES = (0.0, 0.01, 0.05, 0.25, 0.5)
"""The shares of replay in arXiv 2403.08763 (table of the German and SlimPajama experiments), except 0.5% and 10%."""
SEEDS = (0, 1, 2)
CORPORA = ("domain", "general")


def main() -> None:
    """Prepare the corpora, train every point, and write the table and the plot."""
    pass_signals_on()
    os.chdir(ROOT)
    prepare_environment()
    out = Path(os.environ["OUT"])
    for corpus in CORPORA:
        run(f"curate run examples/demo/recipes/curate-{corpus}.yaml")
        run(f"tokenize run {out}/curate/{corpus}/documents --tokenizer {os.environ['BASE']} --out {out}/tokens/{corpus}")
    for seed in SEEDS:
        for share in SHARES:
            train_point(share, seed)
    names = [name_of(share, seed) for share in SHARES for seed in SEEDS]
    models = {"base": os.environ["BASE"]} | {name: f"{out}/replay/{name}/train/model" for name in names}
    run(f"evaluate run {HERE.relative_to(ROOT)}/recipes/evaluate.yaml --set {shlex.quote(f'models={json.dumps(models)}')}")
    folder = out / "replay"
    rows = summarise(json.loads((folder / "scores" / "summary.json").read_text())["scores"])
    (folder / "sweep.json").write_text(json.dumps(rows, indent=1))
    (folder / "sweep.md").write_text(table(rows))
    plot(rows, folder / "sweep.svg")
    print(f"\n{table(rows)}\nWritten to {folder}")


def name_of(share: float, seed: int) -> str:
    """Folder of one run, e.g. `05-seed1`."""
    return f"{round(100 * share):02d}-seed{seed}"


def train_point(share: float, seed: int) -> None:
    """Build the mix of one share and seed, and train on it."""
    recipes = HERE.relative_to(ROOT) / "recipes"
    os.environ |= {"NAME": name_of(share, seed), "SEED": str(seed), "REPLAY": str(share), "NEW": str(1 - share)}
    run(f"mix build {recipes}/mix.yaml")
    run(f"train {recipes}/train.yaml")


def summarise(scores: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Bits per byte of the base model and of each share: `domain` and `general`, one number per seed."""
    bits = {(score["model"], score["domain"]): score["bits_per_byte"] for score in scores}
    rows: list[dict[str, Any]] = [{"replay": None} | {name: [bits["base", name]] for name in CORPORA}]
    return rows + [{"replay": share} | {name: [bits[name_of(share, seed), name] for seed in SEEDS] for name in CORPORA} for share in SHARES]


def table(rows: list[dict[str, Any]]) -> str:
    """The summary as Markdown: mean over seeds ± standard deviation."""

    def cell(values: list[float]) -> str:
        return f"{statistics.mean(values):.4f}" + (f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else "")

    lines = ["| replay | general (old), bits per byte | domain (new), bits per byte |", "|---|---|---|"]
    for row in rows:
        name = "base model" if row["replay"] is None else f"{row['replay']:.0%}"
        lines.append(f"| {name} | {cell(row['general'])} | {cell(row['domain'])} |")
    return "\n".join(lines) + "\n"


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Gain against forgetting, one point per run; the line connects the means."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5.5, 4))
    for row in rows[1:]:
        axes.scatter(row["domain"], row["general"], label=f"{row['replay']:.0%}", s=22, zorder=2)
    axes.plot([statistics.mean(row["domain"]) for row in rows[1:]], [statistics.mean(row["general"]) for row in rows[1:]], color="0.7", lw=1, zorder=1)
    axes.axhline(rows[0]["general"][0], color="0.4", lw=1, ls=":")
    axes.annotate("base model", (axes.get_xlim()[1], rows[0]["general"][0]), ha="right", va="bottom", color="0.4", fontsize=8)
    axes.set(xlabel="domain (new), bits per byte", ylabel="general (old), bits per byte")
    axes.legend(title="replay", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
