"""Context made four times as long: the example base model, trained on rows of 512 tokens, continues with rows of 2,048.

    DOMAIN=folder python -m examples.long_context.run

DOMAIN: a folder or file of long documents (contracts, books, modules), several thousand tokens each. Three ways, three seeds each, equal tokens in two
stages: `short` rows throughout; `long` rows in the second stage; and `yarn`, the same with frequencies scaled four times by YaRN. Reads the same
environment variables as the demo (DOMAIN, BASE, OUT), and resumes when it is run again. Writes OUT/long_context/positions.json and positions.md.
Each step is a command of this project, printed before it runs.
"""

import json
import math
import os
import shlex
import statistics
from pathlib import Path
from typing import Any

from examples.demo.run import ROOT, pass_signals_on, prepare_environment, run

HERE = Path(__file__).parent
SEEDS = (0, 1, 2)
ARMS = {
    "short": {"LONG": "512", "LONG_ROWS": "8", "ROPE": "null"},
    "long": {"LONG": "2048", "LONG_ROWS": "2", "ROPE": "null"},
    "yarn": {"LONG": "2048", "LONG_ROWS": "2", "ROPE": "{kind: yarn, factor: 4, original: 512}"},
}
STUDENT = 4.303
"""97.5% quantile of Student's t with two degrees of freedom, for intervals over three seeds."""


def main() -> None:
    """Prepare the corpus, train every arm and seed, and write the table."""
    pass_signals_on()
    os.chdir(ROOT)
    prepare_environment()
    recipes, out = HERE.relative_to(ROOT) / "recipes", Path(os.environ["OUT"]) / "long_context"
    run(f"curate run {recipes}/curate.yaml")
    run(f"tokenize run {out}/curate/documents --tokenizer {os.environ['BASE']} --out {out}/tokens")
    for seed in SEEDS:
        for arm, settings in ARMS.items():
            os.environ |= settings | {"NAME": name_of(arm, seed), "SEED": str(seed)}
            run(f"mix build {recipes}/mix.yaml")
            run(f"train {recipes}/train.yaml")
    models = {"base": os.environ["BASE"]} | {name: f"{out}/{name}/train/model" for arm in ARMS for name in [*(name_of(arm, seed) for seed in SEEDS)]}
    run(f"evaluate run {recipes}/evaluate.yaml --set {shlex.quote(f'models={json.dumps(models)}')}")
    section = json.loads((out / "scores" / "summary.json").read_text())["long_context"]
    (out / "positions.json").write_text(json.dumps(section, indent=1))
    (out / "positions.md").write_text(table(section))
    print(f"\n{table(section)}\nWritten to {out}")


def name_of(arm: str, seed: int) -> str:
    """Folder of one run, e.g. `yarn-seed1`."""
    return f"{arm}-seed{seed}"


def table(section: dict[str, Any]) -> str:
    """Nats per token by position as Markdown: the base model, means over seeds, and differences from `short` with 95% intervals over seeds."""
    nats = {(row["model"], row["to"]): row["nats_per_token"] for row in section["positions"]}
    lines = ["| tokens before | base model | short | long | yarn | long − short | yarn − short |", "|---|---|---|---|---|---|---|"]
    for row in section["positions"]:
        if row["model"] == "base":
            by_arm = {arm: [nats[name_of(arm, seed), row["to"]] for seed in SEEDS] for arm in ARMS}
            means = [f"{statistics.mean(values):.3f}" for values in by_arm.values()]
            differences = [interval([a - b for a, b in zip(by_arm[arm], by_arm["short"], strict=True)]) for arm in ("long", "yarn")]
            lines.append("| " + " | ".join([f"{row['from']:,} to {row['to']:,}", f"{row['nats_per_token']:.3f}", *means, *differences]) + " |")
    return "\n".join(lines) + "\n"


def interval(differences: list[float]) -> str:
    """Mean and 95% interval over seeds: `−0.042 [−0.051, −0.033]`."""
    mean, reach = statistics.mean(differences), STUDENT * statistics.stdev(differences) / math.sqrt(len(differences))
    return f"{mean:+.3f} [{mean - reach:+.3f}, {mean + reach:+.3f}]".replace("-", "−")


if __name__ == "__main__":
    main()
