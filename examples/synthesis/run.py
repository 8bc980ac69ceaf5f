"""How much mined text: the example base model on documents alone and with 10, 20 and 40% of text mined from them by rules, three seeds, at equal
tokens.

    STATUTES="titles/28 titles/29 titles/31" python -m examples.synthesis.run

STATUTES names folders of DCCouncil/law-xml-codified; alternatively DOMAIN names a file or folder of your own documents. OUT, BASE, TOKENS as in the
demo. Resumes when it is run again. Writes OUT/sweep/sweep.json, sweep.md and sweep.svg. Each step is a command of this project, printed before it
runs.
"""

import json
import os
import statistics
import sys
from pathlib import Path

import yaml

from examples.demo.run import ROOT, pass_signals_on, run
from examples.synthesis.compare import Point, compare

HERE = Path(__file__).parent
SHARES = (0.0, 0.1, 0.2, 0.4)
"""Llama-3-SynE (arXiv 2407.18743) found 20% best and 40% harmful, with questions written by a model."""
SEEDS = (0, 1, 2)
TASKS = ("reading_questions", "definitions", "cloze", "lists")


def main() -> None:
    """Prepare documents and mined text, train every point, score all, and write the table and the plot."""
    pass_signals_on()
    os.chdir(ROOT)
    recipes, out = HERE.relative_to(ROOT) / "recipes", prepare_environment()
    prepare_corpora(recipes, out)
    for seed in SEEDS:
        for share in SHARES:
            train_point(recipes, share, seed)
    folder = out / "sweep"
    run(f"evaluate run {write_evaluation(out)}")
    points = compare(out, {share: [name_of(share, seed) for seed in SEEDS] for share in SHARES})
    (folder / "sweep.json").write_text(json.dumps([point._asdict() for point in points], indent=1))
    (folder / "sweep.md").write_text(table(points))
    plot(points, folder / "sweep.svg")
    print(f"\n{table(points)}\nWritten to {folder}")


def prepare_environment() -> Path:
    """Set OUT, BASE and DOMAIN for the recipes; returns OUT."""
    os.environ.setdefault("OUT", str(HERE.relative_to(ROOT) / "out"))
    os.environ.setdefault("BASE", "examples/base")
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    out = Path(os.environ["OUT"])
    if not os.environ.get("DOMAIN"):
        if not os.environ.get("STATUTES"):
            sys.exit("set STATUTES to folders of DCCouncil/law-xml-codified, or DOMAIN to documents of your own")
        os.environ["DOMAIN"] = str(out / "statutes.jsonl")
        run(f"python -m examples.synthesis.statutes {os.environ['STATUTES']} --out {os.environ['DOMAIN']}")
    return out


def prepare_corpora(recipes: Path, out: Path) -> None:
    """Curate the documents, mine text from the training documents, and tokenize both."""
    run(f"curate run {recipes}/curate-domain.yaml")
    for task in TASKS:
        os.environ["TASK"] = task
        run(f"curate synthesize {recipes}/synthesize.yaml")
    run(f"curate run {recipes}/curate-mined.yaml")
    for corpus in ("domain", "mined"):
        run(f"tokenize run {out}/curate/{corpus}/documents --tokenizer {os.environ['BASE']} --out {out}/tokens/{corpus}")


def name_of(share: float, seed: int) -> str:
    """Folder of one run, e.g. `20-seed1`."""
    return f"{round(100 * share):02d}-seed{seed}"


def train_point(recipes: Path, share: float, seed: int) -> None:
    """Build the mix of one share and seed, and train on it."""
    os.environ |= {"NAME": name_of(share, seed), "SEED": str(seed), "MINED": str(share), "RAW": str(1 - share)}
    run(f"mix build {recipes}/mix.yaml")
    run(f"train {recipes}/train.yaml")


def write_evaluation(out: Path) -> Path:
    """The recipe that scores the base model and all runs on the held-out documents."""
    models = {"base": os.environ["BASE"]} | {
        name_of(share, seed): str(out / "sweep" / name_of(share, seed) / "train" / "model") for share in SHARES for seed in SEEDS
    }
    recipe = {
        "name": "synthesis-sweep",
        "models": models,
        "baseline": "base",
        "domains": {"domain": {"documents": str(out / "curate" / "domain" / "held_out"), "max_documents": 250, "max_bytes_per_document": 4000}},
        "train_documents": [str(out / "curate" / "domain" / "documents")],
        "context_tokens": 512,
        "out": str(out / "sweep" / "scores"),
    }
    path = out / "sweep" / "evaluate.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))
    return path


def table(points: list[Point]) -> str:
    """The comparison as Markdown; differences are paired over documents; negative bits and positive shares are improvements."""
    lines = [
        "| mined | bits per byte | sd over seeds | difference to documents alone | cloze, share right | sd over seeds | difference |",
        "|---|---|---|---|---|---|---|",
    ]
    for point in points:
        bits, cloze = point.bits, point.cloze
        name = "base" if point.mined is None else f"{point.mined:.0%}"
        cells = [
            name,
            f"{statistics.mean(bits):.4f}",
            _deviation(bits),
            _interval(point.bits_difference, 4),
            f"{statistics.mean(cloze):.3f}",
            _deviation(cloze),
        ]
        lines.append("| " + " | ".join([*cells, _interval(point.cloze_difference, 3)]) + " |")
    return "\n".join(lines) + "\n"


def _deviation(values: list[float]) -> str:
    return f"{statistics.stdev(values):.4f}" if len(values) > 1 else ""


def _interval(values: tuple[float, float, float] | None, digits: int) -> str:
    if values is None:
        return ""
    low, estimate, high = (f"{value:+.{digits}f}" for value in values)
    return f"{estimate} [{low}, {high}]"


def plot(points: list[Point], path: Path) -> None:
    """Both measures against the share of mined text, one point per run and the mean as a line."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    runs = [point for point in points if point.mined is not None]
    shares = [100 * (point.mined or 0) for point in runs]
    figure, both = pyplot.subplots(1, 2, figsize=(9, 3.4))
    for axes, field, label in zip(both, ("bits", "cloze"), ("held-out documents, bits per byte", "cloze, share right of ten"), strict=True):
        for share, point in zip(shares, runs, strict=True):
            axes.scatter([share] * len(getattr(point, field)), getattr(point, field), s=18, color="tab:blue")
        axes.plot(shares, [statistics.mean(getattr(point, field)) for point in runs], color="tab:blue")
        axes.set(xlabel="mined text, % of tokens", ylabel=label, xticks=shares)
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
