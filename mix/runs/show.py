"""A table of runs for the user: its runs, sources and domains, and how much repeated runs differ."""

from pathlib import Path
from typing import Any

import numpy as np

from mix.runs.evidence import evidence_of
from mix.runs.table import Array, Runs
from shards.console import print_table, summary


def describe(runs: Runs, notes: list[str]) -> dict[str, Any]:
    """What `mix runs` prints, as JSON values: unknown numbers are null. `noise` is the standard deviation of a loss between repeated runs."""
    trained = runs.take(~runs.is_base)
    return {
        "rows": len(runs),
        "runs": len(set(trained.run)),
        "kinds": {kind: len({name for name, its in zip(runs.run, runs.kind, strict=True) if its == kind}) for kind in dict.fromkeys(runs.kind)},
        "tokenizers": len({name for name in runs.tokenizer if name}),
        "numbers": {name: _range(values) for name, values in trained.numbers.items() if np.isfinite(values).any()},
        "seeds": len(set(_known(runs.number("seed")).tolist())),
        "sources": [
            {"name": name, "shares": _range(trained.shares[:, column]), "contents": sorted(set(runs.contents[:, column].tolist()) - {""})}
            for column, name in enumerate(runs.sources)
        ],
        "domains": [_domain(runs, name) for name in runs.domains],
        "notes": notes,
    }


def _domain(runs: Runs, name: str) -> dict[str, Any]:
    evidence = evidence_of(runs, name)
    losses = runs.losses[~runs.is_base, runs.domains.index(name)]
    return {
        "name": name,
        "unit": runs.units[runs.domains.index(name)],
        "runs": len(evidence),
        "losses": _range(losses),
        "base": evidence.base,
        "noise": evidence.noise,
        "noise_freedom": evidence.noise_freedom,
    }


def _known(values: Array) -> Array:
    return values[np.isfinite(values)]


def _range(values: Array) -> list[float] | None:
    """The lowest and highest known value."""
    known = _known(values)
    return [float(known.min()), float(known.max())] if len(known) else None


def show(content: dict[str, Any]) -> None:
    """Print sources and domains as tables, then the notes and the totals."""
    print_table("sources", ("source", "shares", "contents"), [(item["name"], _percent(item["shares"]), len(item["contents"])) for item in content["sources"]])
    columns = ("domain", "unit", "runs", "losses", "base model", "noise", "degrees of freedom")
    print_table("domains", columns, [_domain_cells(item) for item in content["domains"]])
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in content["kinds"].items() if kind != "base")
    lines = {
        "rows": f"{content['rows']:,}",
        "runs": f"{content['runs']:,} ({kinds})",
        "base models": content["kinds"].get("base", 0),
        "seeds": f"{content['seeds']:,}",
    }
    lines |= {name: _between(values, "{:,.6g}") for name, values in content["numbers"].items() if name in ("n_parameters", "tokens", "lr.peak")}
    summary("runs", lines | {f"note {number}": note for number, note in enumerate(content["notes"], 1)})


def show_written(path: Path) -> None:
    """Say where the table was written."""
    summary("table of runs", {"written to": path})


def _domain_cells(item: dict[str, Any]) -> tuple[Any, ...]:
    base, noise = (f"{item[name]:.4f}" if item[name] is not None else "?" for name in ("base", "noise"))
    return item["name"], item["unit"], f"{item['runs']:,}", _between(item["losses"], "{:.4f}"), base, noise, item["noise_freedom"] or ""


def _percent(values: list[float] | None) -> str:
    return _between(values, "{:.2%}")


def _between(values: list[float] | None, form: str) -> str:
    if values is None:
        return "?"
    low, high = (form.format(value) for value in values)
    return low if low == high else f"{low} to {high}"
