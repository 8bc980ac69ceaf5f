"""The replay sweep: the example base model on the demo's corpora, 0 to 50% of its tokens replayed, three seeds each, at equal tokens.

    python -m examples.replay.run

Needs nothing but what `make demo` needs, takes environment variables as it does (DOMAIN, GENERAL, BASE, TOKENS), and can be stopped and run again.
Writes OUT/replay/sweep.json, sweep.md and sweep.svg. Each step is a command of this project, printed before it runs.
"""

import json
import os
import statistics
from pathlib import Path

from examples.demo.run import ROOT, prepare_environment, run

HERE = Path(__file__).parent
SHARES = (0.0, 0.01, 0.05, 0.25, 0.5)
"""The shares of replay in arXiv 2403.08763, table of the German and SlimPajama experiments, but for 0.5% and 10%."""
SEEDS = (0, 1, 2)


def main() -> None:
    """Prepare the corpora, train every point, and write the table and the plot."""
    os.chdir(ROOT)
    prepare_environment()
    out = Path(os.environ["OUT"])
    for corpus in ("domain", "general"):
        run(f"curate run examples/demo/recipes/curate-{corpus}.yaml")
        run(f"tokenize run {out}/curate/{corpus}/documents --tokenizer {os.environ['BASE']} --out {out}/tokens/{corpus}")
    for seed in SEEDS:
        for share in SHARES:
            train_point(share, seed)
    points = [(share, [read_curve(out, share, seed) for seed in SEEDS]) for share in SHARES]
    folder = out / "replay"
    (folder / "sweep.json").write_text(json.dumps(summarise(points), indent=1))
    (folder / "sweep.md").write_text(table(summarise(points)))
    plot(points, folder / "sweep.svg")
    print(f"\n{table(summarise(points))}\nWritten to {folder}")


def name_of(share: float, seed: int) -> str:
    """Folder of one run, e.g. `05-seed1`."""
    return f"{round(100 * share):02d}-seed{seed}"


def train_point(share: float, seed: int) -> None:
    """Build the mix of one share and seed, and train on it."""
    recipes = HERE.relative_to(ROOT) / "recipes"
    os.environ |= {"NAME": name_of(share, seed), "SEED": str(seed), "REPLAY": str(share), "NEW": str(1 - share)}
    run(f"mix build {recipes}/mix.yaml")
    run(f"train {recipes}/train.yaml")


def read_curve(out: Path, share: float, seed: int) -> list[dict[str, float]]:
    """Bits per byte of both held-out sets at each step that was evaluated: `step`, `domain`, `general`."""
    lines = (out / "replay" / name_of(share, seed) / "train" / "metrics.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [{"step": record["step"], **record["bits_per_byte"]} for record in records if "bits_per_byte" in record]


def summarise(points: list[tuple[float, list[list[dict[str, float]]]]]) -> list[dict[str, float]]:
    """Mean and standard deviation over seeds of the last evaluation, for each share."""
    rows = []
    for share, curves in points:
        row = {"replay": share}
        for name in ("general", "domain"):
            last = [curve[-1][name] for curve in curves]
            row |= {name: statistics.mean(last), f"{name}_sd": statistics.stdev(last)}
        rows.append(row)
    return rows


def table(rows: list[dict[str, float]]) -> str:
    """The summary as Markdown."""
    lines = ["| replay | general (old), bits per byte | domain (new), bits per byte |", "|---|---|---|"]
    lines += [f"| {row['replay']:.0%} | {row['general']:.4f} ± {row['general_sd']:.4f} | {row['domain']:.4f} ± {row['domain_sd']:.4f} |" for row in rows]
    return "\n".join(lines) + "\n"


def plot(points: list[tuple[float, list[list[dict[str, float]]]]], path: Path) -> None:
    """Left: what is gained against what is forgotten, a point a run. Right: the old loss while training, the mean of the seeds."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (trade, course) = pyplot.subplots(1, 2, figsize=(9, 3.6))
    for share, curves in points:
        label = f"{share:.0%}"
        trade.scatter([curve[-1]["domain"] for curve in curves], [curve[-1]["general"] for curve in curves], label=label, s=18)
        steps = [point["step"] for point in curves[0]]
        course.plot(steps, [statistics.mean(curve[index]["general"] for curve in curves) for index in range(len(steps))], label=label)
    trade.set(xlabel="domain (new), bits per byte", ylabel="general (old), bits per byte")
    course.set(xlabel="step", ylabel="general (old), bits per byte")
    course.legend(title="replay", frameon=False)
    for axes in (trade, course):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
