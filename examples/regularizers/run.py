"""Methods against forgetting beside replay: the example base model on the demo's corpora, each method at two strengths, three seeds, at equal tokens.

    python -m examples.regularizers.run

Needs the same as `make demo` and reads the same environment variables (DOMAIN, GENERAL, BASE, TOKENS); SEEDS=0,1 runs fewer seeds. Resumes when it is run
again. Writes OUT/regularizers/table.json, table.md and plot.svg. Each step is a command of this project, printed before it runs.
"""

import json
import os
import shlex
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eval.statistics.differences import ratio_difference
from eval.statistics.interval import Interval
from examples.demo.run import ROOT, pass_signals_on, prepare_environment, run
from shards.read import ShardSet

HERE = Path(__file__).parent
CORPORA = ("domain", "general")
PLAIN = "plain"
REPLAY = "replay"

METHODS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "replay 5%": (),
    "lr 5e-4": ("optimizer.lr=5.0e-4",),
    "lr 2e-4": ("optimizer.lr=2.0e-4",),
    "no weight decay": ("optimizer.weight_decay=0",),
    "L2-SP 30": ("regularize={l2_sp: {strength: 30}}", "optimizer.weight_decay=0"),
    "L2-SP 100": ("regularize={l2_sp: {strength: 100}}", "optimizer.weight_decay=0"),
    "EWC 10": ("regularize={sample: SAMPLE, ewc: {strength: 10}}", "optimizer.weight_decay=0"),
    "EWC 100": ("regularize={sample: SAMPLE, ewc: {strength: 100}}", "optimizer.weight_decay=0"),
    "soft mask 0.5": ("regularize={sample: SAMPLE, soft_mask: {strength: 0.5}}",),
    "soft mask 1": ("regularize={sample: SAMPLE, soft_mask: {}}",),
    "KL to base 0.1": ("loss={distill: {teacher: BASE, weight: 0.1}}",),
    "KL to base 0.3": ("loss={distill: {teacher: BASE, weight: 0.3}}",),
    "NEFTune 5": ("neftune_alpha=5",),
    "NEFTune 15": ("neftune_alpha=15",),
    "layer rates 0.8": ("optimizer.layer_rates={decay: 0.8}",),
    "embeddings 0.1": ("optimizer.layer_rates={groups: {embeddings: 0.1}}",),
}
"""Settings of each method in train.yaml. Weight decay is off beside a pull to the base, because it pulls to 0; no weight decay alone is the control of
that. Lower learning rates are the control of everything that makes steps smaller."""

Documents = Mapping[tuple[str, str], np.ndarray]
"""(model, corpus) → `(n_docs, 2) float64`: nats and bytes, the documents in the same order for all models."""


def main() -> None:
    """Prepare the corpora, train every method, and write the table and the plot."""
    pass_signals_on()
    os.chdir(ROOT)
    prepare_environment()
    out, seeds = Path(os.environ["OUT"]), [int(seed) for seed in os.environ.get("SEEDS", "0,1,2").split(",")]
    for corpus in CORPORA:
        run(f"curate run examples/demo/recipes/curate-{corpus}.yaml")
        run(f"tokenize run {out}/curate/{corpus}/documents --tokenizer {os.environ['BASE']} --out {out}/tokens/{corpus}")
    for seed in seeds:
        for method in METHODS:
            train_method(method, seed)
    folder = out / "regularizers"
    models = {"base": os.environ["BASE"]} | {name_of(method, seed): f"{folder}/runs/{name_of(method, seed)}/model" for method in METHODS for seed in seeds}
    run(f"evaluate run {HERE.relative_to(ROOT)}/recipes/evaluate.yaml --set {shlex.quote(f'models={json.dumps(models)}')}")
    rows = summarise(read_documents(folder / "scores"), seeds)
    (folder / "table.json").write_text(json.dumps(rows, indent=1))
    (folder / "table.md").write_text(table(rows))
    plot(rows, folder / "plot.svg")
    print(f"\n{table(rows)}\nWritten to {folder}")


def name_of(method: str, seed: int) -> str:
    """Folder of one run, e.g. `EWC-10-seed1`."""
    return f"{method.replace(' ', '-').replace('%', '')}-seed{seed}"


def train_method(method: str, seed: int) -> None:
    """Build the mix of one seed, and train on it with the method's settings."""
    recipes = HERE.relative_to(ROOT) / "recipes"
    share = 0.05 if method.startswith(REPLAY) else 0
    os.environ |= {"NAME": name_of(method, seed), "SEED": str(seed), "REPLAY": str(share), "NEW": str(1 - share)}
    sample = json.dumps({"documents": f"{os.environ['OUT']}/curate/general/documents", "max_documents": 40, "max_bytes_per_document": 2000})
    settings = [setting.replace("SAMPLE", sample).replace("BASE", os.environ["BASE"]) for setting in METHODS[method]]
    run(f"mix build {recipes}/mix.yaml")
    run(" ".join([f"train {recipes}/train.yaml", *(f"--set {shlex.quote(setting)}" for setting in settings)]))


def read_documents(scores: Path) -> dict[tuple[str, str], np.ndarray]:
    """The scores of `evaluate run`."""
    found = ShardSet(scores, "scores").to_table(["model", "domain", "nats", "n_bytes"]).to_pylist()
    documents: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for row in found:
        documents.setdefault((row["model"], row["domain"]), []).append((row["nats"], row["n_bytes"]))
    return {key: np.array(values, dtype=np.float64) for key, values in documents.items()}


def summarise(documents: Documents, seeds: list[int]) -> list[dict[str, Any]]:
    """For each method and corpus: bits per byte by seed, and the difference to plain training of the same seeds: its mean, its interval over documents,
    and its standard deviation over seeds."""
    rows: list[dict[str, Any]] = [{"method": "base model"} | {corpus: {"bits": [bits(documents["base", corpus])]} for corpus in CORPORA}]
    for method in METHODS:
        row: dict[str, Any] = {"method": method}
        for corpus in CORPORA:
            new, plain = ([documents[name_of(which, seed), corpus] for seed in seeds] for which in (method, PLAIN))
            interval = of_all_seeds(plain, new)
            by_seed = [bits(ours) - bits(theirs) for ours, theirs in zip(new, plain, strict=True)]
            row[corpus] = {
                "bits": [bits(scores) for scores in new],
                "delta": interval.estimate,
                "low": interval.low,
                "high": interval.high,
                "delta_by_seed": by_seed,
            }
        rows.append(row)
    return rows


def bits(documents: np.ndarray) -> float:
    """Bits per byte of documents (n_docs, 2) with nats and bytes."""
    return float(documents[:, 0].sum() / documents[:, 1].sum() / np.log(2))


def of_all_seeds(plain: list[np.ndarray], new: list[np.ndarray]) -> Interval:
    """Difference of the means over seeds. Documents are resampled, each with its scores under all seeds."""
    return ratio_difference(np.sum(plain, axis=0), np.sum(new, axis=0), n_resamples=10_000, seed=0)


def table(rows: list[dict[str, Any]]) -> str:
    """The summary as Markdown."""

    def level(cell: dict[str, Any]) -> str:
        values = cell["bits"]
        return f"{statistics.mean(values):.4f}" + (f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else "")

    def change(cell: dict[str, Any]) -> str:
        if "delta" not in cell or not any(cell["delta_by_seed"]):
            return ""
        spread = f"; seeds ± {statistics.stdev(cell['delta_by_seed']):.4f}" if len(cell["delta_by_seed"]) > 1 else ""
        return f"{cell['delta']:+.4f} [{cell['low']:+.4f}, {cell['high']:+.4f}]{spread}"

    lines = ["| method | general (old) | against plain | domain (new) | against plain |", "|---|---|---|---|---|"]
    for row in rows:
        old, new = row["general"], row["domain"]
        lines.append(f"| {row['method']} | {level(old)} | {change(old)} | {level(new)} | {change(new)} |")
    return "\n".join(lines) + "\n"


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """General against domain bits per byte, one point per method: the mean over seeds."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.5, 5))
    families = list(dict.fromkeys(row["method"].rpartition(" ")[0] or row["method"] for row in rows[1:]))
    for family in families:
        members = [row for row in rows[1:] if (row["method"].rpartition(" ")[0] or row["method"]) == family]
        x, y = ([statistics.mean(row[corpus]["bits"]) for row in members] for corpus in CORPORA)
        axes.plot(x, y, marker="o", ms=5, lw=1, color=f"C{families.index(family)}")
        for row, left, height in zip(members, x, y, strict=True):
            axes.annotate(row["method"], (left, height), textcoords="offset points", xytext=(5, 3), fontsize=7)
    axes.axhline(rows[0]["general"]["bits"][0], color="0.4", lw=1, ls=":")
    axes.annotate("base model", (axes.get_xlim()[1], rows[0]["general"]["bits"][0]), ha="right", va="bottom", color="0.4", fontsize=8)
    axes.set(xlabel="domain (new), bits per byte", ylabel="general (old), bits per byte")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
