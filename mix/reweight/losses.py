"""Losses by source from the files that training and evaluation write, or from a table of runs."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mix.errors import MixError
from mix.reweight.rules import Array
from mix.runs.read import read_runs
from shards.record import read_record

_TABLES = (".csv", ".parquet")


def read_losses(path: Path, sources: Sequence[str], last: int, model: str | None) -> tuple[Array, Array]:
    """Losses as (n_steps, n_sources) and, averaged over the `last` steps, (n_sources,).

    The file is a trainer's `metrics.jsonl` (nats per token, weighted by its tokens), an evaluation's `summary.json` (of `model`), a table of runs (the
    steps of run `model`), or a JSON object of nats by source. Bits per byte become nats per byte. Raises MixError for a file that lacks a source.
    """
    steps, tokens = _read(Path(path), sources, model)
    recent, weight = steps[-last:], tokens[-last:] * np.isfinite(steps[-last:])
    total = weight.sum(axis=0)
    missing = [source for source, n_tokens in zip(sources, total, strict=True) if not n_tokens]
    if missing:
        raise MixError(
            f"{path}: no loss of {', '.join(missing)}{f' in its last {last} steps' if len(steps) > 1 else ''}; measure every source of the last stage"
        )
    return steps, (np.nan_to_num(recent) * weight).sum(axis=0) / total


def _read(path: Path, sources: Sequence[str], model: str | None) -> tuple[Array, Array]:
    """Losses and their weights, both (n_steps, n_sources); NaN where there is none."""
    if path.suffix in _TABLES:
        losses = _of_runs(path, sources, model)
        return losses, np.ones_like(losses)
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".jsonl":
            lines = [json.loads(line) for line in text.splitlines() if line.strip()]
            return _table([line["loss_by_source"] for line in lines], sources), np.nan_to_num(_table([line["tokens_by_source"] for line in lines], sources))
        raw = json.loads(text)
        if "scores" in raw:
            raw = read_record(path, dict[str, Any], error=MixError, remedy="rerun `evaluate run`")
        by_source = _of_summary(raw, model, path) if "scores" in raw else raw
        return _table([by_source], sources), np.ones((1, len(sources)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        remedy = "give a metrics.jsonl, a summary.json, a table of runs (.csv, .parquet), or {source: nats}"
        raise MixError(f"{path}: no losses by source ({type(error).__name__}: {error}); {remedy}") from None


def _of_runs(path: Path, sources: Sequence[str], model: str | None) -> Array:
    """float64[n_steps, n_sources]: the losses of one run in a table of runs, by step."""
    table, _ = read_runs(path)
    names = list(dict.fromkeys(table.run))
    if model is None and len(names) > 1:
        raise MixError(f"{path}: {len(names)} runs; choose one with --model")
    if model is not None and model not in names:
        raise MixError(f"{path}: no run {model}; it has {', '.join(names[:10])}{', …' if len(names) > 10 else ''}")
    run = table.take([row for row, name in enumerate(table.run) if name == (model or names[0])])
    run = run.take(np.argsort(np.nan_to_num(run.number("step")), kind="stable"))
    scale = {name: math.log(2) if unit == "bits per byte" else 1.0 for name, unit in zip(run.domains, run.units, strict=True)}
    by_domain = {name: run.losses[:, column] * scale[name] for column, name in enumerate(run.domains)}
    return np.stack([by_domain.get(source, np.full(len(run), np.nan)) for source in sources], axis=1)


def _of_summary(raw: Mapping[str, Any], model: str | None, path: Path) -> dict[str, float]:
    models = sorted({score["model"] for score in raw["scores"]})
    if model is None and len(models) > 1:
        raise MixError(f"{path}: scores of {', '.join(models)}; choose one with --model")
    chosen = model or models[0]
    if chosen not in models:
        raise MixError(f"{path}: no scores of {chosen}; it has {', '.join(models)}")
    return {score["domain"]: score["bits_per_byte"] * math.log(2) for score in raw["scores"] if score["model"] == chosen and not score.get("lossy")}


def _table(rows: Sequence[Mapping[str, float]], sources: Sequence[str]) -> Array:
    return np.array([[row.get(source, math.nan) for source in sources] for row in rows], np.float64).reshape(len(rows), len(sources))
