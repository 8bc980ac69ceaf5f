"""`evaluate card`: writes README.md, the model card, with its results in the metadata (`model-index`) and with intervals in the text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.card.results import METRICS, Result, Results, read_results
from eval.errors import EvalError
from eval.frontier.runs import TrainRun, read_run
from eval.frontier.show import cost_words
from eval.tables import interval, signed
from shards import page
from shards.atomic import write_atomically
from shards.folder import claim, write_owned

CARD = "README.md"


@dataclass(frozen=True)
class CardFacts:
    """What only the author knows: hub ids of the base model and of data sets, the licence, the model's name."""

    name: str | None = None
    base_model: str | None = None
    datasets: tuple[str, ...] = ()
    license: str | None = None
    languages: tuple[str, ...] = ()


def write_card(results: Sequence[Path], model: str | None, run_folder: Path | None, facts: CardFacts, out: Path) -> Path:
    """Write the card of a model to `out`, a folder or a file, and return its path.

    `results` are output folders of `evaluate run` and `evaluate tasks`, `run_folder` that of the training. Raises EvalError if the model is not in them,
    ShardError if somebody else's README.md is in the way.
    """
    run = read_run(run_folder, run_folder.resolve().name) if run_folder is not None else None
    path = out if out.suffix == ".md" else out / CARD
    text = card_text(read_results(results, model, run), run, facts).encode("utf-8", "replace")
    if run is not None and run.folder.resolve() in path.resolve().parents:
        claim(run.folder, [path.resolve().relative_to(run.folder.resolve()).as_posix()])  # else `train` would take it for a file of somebody else
        write_atomically(path, text)
    else:
        write_owned(path, text)
    return path


def card_text(results: Results, run: TrainRun | None, facts: CardFacts) -> str:
    """The card: metadata as YAML between lines of dashes, then text."""
    name = facts.name or (str(run.record.get("name")) if run is not None and run.record.get("name") else results.model)
    values: dict[str, Any] = {"results": results, "name": name, "facts": facts, "rows": [_words(row) for row in results.rows], "training": _training(run)}
    body = page.render(Path(__file__).parent / "card.md.j2", **values)
    return f"---\n{metadata(results, name, facts)}\n---\n\n{body}"


def metadata(results: Results, name: str, facts: CardFacts) -> str:
    """YAML that the hub reads, with a result for each row."""
    from huggingface_hub import EvalResult, ModelCardData

    rows = [
        EvalResult(
            task_type="text-generation",
            dataset_type=_slug(row.name),
            dataset_name=f"{row.name}, held out" if row.kind == "domain" else row.name,
            metric_type=row.metric,
            metric_name=METRICS[row.metric][0],
            metric_value=round(row.value, 6),
        )
        for row in results.rows
    ]
    try:
        data = ModelCardData(
            model_name=name,
            eval_results=rows,
            base_model=facts.base_model,
            datasets=list(facts.datasets) or None,
            license=facts.license,
            language=list(facts.languages) or None,
            library_name="transformers",
            pipeline_tag="text-generation",
            tags=["continued-pretraining"],
        )
    except ValueError as problem:
        raise EvalError(f"model card: {' '.join(str(problem).split())}") from None
    return str(data.to_yaml())


def _words(row: Result) -> dict[str, str]:
    bounds = "" if row.low is None else f"{row.low:.4f} to {row.high:.4f}"
    change = row.change
    return {
        "on": row.name,
        "metric": f"{METRICS[row.metric][0]} ({METRICS[row.metric][1]})",
        "value": f"{row.value:.4f}",
        "interval": bounds,
        "change": "" if change is None else f"{signed(change['delta'])} {interval(change)}",
        "verdict": "" if change is None else change["verdict"],
        "size": f"{row.size:,} {'documents' if row.kind == 'domain' else 'items'}",
    }


def _training(run: TrainRun | None) -> dict[str, Any] | None:
    if run is None:
        return None
    cost = run.cost()
    words = {"tokens": cost.tokens, "seconds": cost.seconds, "gpu_hours": cost.gpu_hours}
    shares = [(name, f"{share:.1%}") for name, share in sorted(run.shares.items(), key=lambda item: -item[1])]
    settings = run.record.get("recipe", {})
    optimizer = settings.get("optimizer", {})
    return {
        "tokens": f"{cost.tokens:,}",
        "steps": f"{run.steps[-1]['step']:,}",
        "gpu_hours": cost_words(words, "gpu_hours"),
        "shares": shares,
        "settings": {name: optimizer[name] for name in ("kind", "lr", "weight_decay") if name in optimizer},
        "versions": run.record.get("versions", {}),
    }


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_.-]+", "-", name.lower()).strip("-") or "held-out"
