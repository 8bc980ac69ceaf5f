"""`report.json`, from the figures of all tasks; docs/explanation/architecture.md describes its shape."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from curate.compare.deciders import DUPLICATE_STAGES, rule_order
from curate.recipe import CurateRecipe
from curate.report.histograms import edges
from curate.report.hosts import Hosts
from curate.report.partial import merge
from curate.report.warnings import warnings
from curate.rules.decide import RuleSet
from shards.recipe import recipe_hash

_NONE = [0, 0]


def build_report(
    recipe: CurateRecipe, rule_sets: Sequence[RuleSet], infos: Sequence[dict[str, Any]], partials: Iterable[dict[str, Any]], notes: dict[str, Any]
) -> dict[str, Any]:
    """The content of `report.json`. `infos`: the measure stage's record of each task; `partials`: figures of each task; `notes`: what deciders recorded."""
    total = merge(partials)
    counts = _counts(infos, total)
    report: dict[str, Any] = {
        "name": recipe.name,
        "recipe_hash": recipe_hash(recipe),
        "counts": counts,
        "records": _records(infos, counts),
        "bytes": _bytes(total),
        "asked": {"languages": list(recipe.language.keep) if recipe.language else [], "held_out": _held_out_share(recipe)},
        "rule_sets": [{"name": rules.name, "languages": list(rules.languages), "web_pages": rules.web_pages} for rules in rule_sets],
        "changed": _changed(infos),
        "funnel": _funnel(total, counts["read"], rule_order(rule_sets)),
        "rules": _rules(total, rule_order(rule_sets)),
        "histograms": _histograms(total, rule_sets),
        "examples": {rule: [_shown(example) for example in examples] for rule, examples in sorted(total["examples"].items())},
        "kept_examples": [_shown(example) for example in total["kept_examples"]],
        "languages": _largest_first(total["languages"]),
        "kept_languages": _largest_first(total["kept_languages"]),
        "sources": _sources(infos, total),
        "looks_like": {kind: _summed(infos, kind) for kind in ("markup", "json")},
        "synthetic": _synthetic(total),
        "hosts": Hosts.load(total["hosts"]).count(),
        "duplicates": _duplicates(total),
        "cluster_sizes": dict(sorted(total["cluster_sizes"].items(), key=lambda item: int(item[0]))),
        "removed": notes,
        "faults": _faults(infos),
    }
    return report | {"warnings": warnings(report)}


def _held_out_share(recipe: CurateRecipe) -> float:
    return 0.0 if recipe.held_out.max_documents == 0 else recipe.held_out.share


def _counts(infos: Sequence[dict[str, Any]], total: dict[str, Any]) -> dict[str, int]:
    read = sum(info["counts"].get("read", 0) for info in infos)
    unreadable = sum(info["counts"].get("unreadable", 0) for info in infos)
    kept, aside = (total["sets"].get(name, _NONE)[0] for name in ("documents", "held_out"))
    return {"read": read, "kept": kept, "held_out": aside, "dropped": read - unreadable - kept - aside, "unreadable": unreadable}


def _records(infos: Sequence[dict[str, Any]], counts: dict[str, int]) -> dict[str, Any]:
    """Records in the inputs: seen = documents + unreadable + all that were passed over."""
    passed_over = sum((Counter(info["records"]["passed_over"]) for info in infos), Counter[str]())
    seen = sum(info["records"]["seen"] for info in infos)
    return {"seen": seen, "documents": counts["read"] - counts["unreadable"], "unreadable": counts["unreadable"], "passed_over": _largest_first(passed_over)}


def _bytes(total: dict[str, Any]) -> dict[str, int]:
    n_bytes = {name: total["sets"].get(name, _NONE)[1] for name in ("documents", "held_out", "dropped")}
    return {"read": sum(n_bytes.values()), "kept": n_bytes["documents"], "held_out": n_bytes["held_out"], "dropped": n_bytes["dropped"]}


def _synthetic(total: dict[str, Any]) -> dict[str, Any]:
    """Kept documents made by `curate synthesize`, by task; `share` is of all kept bytes."""
    n_bytes = max(total["sets"].get("documents", _NONE)[1], 1)
    return {task: {"documents": made[0], "bytes": made[1], "share": made[1] / n_bytes} for task, made in sorted(total["synthetic"].items())}


def _changed(infos: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Counts of the steps: repaired documents, removed lines, replaced addresses."""
    names = sorted({name for info in infos for name in info["counts"]} - {"read", "bytes", "unreadable", "empty"})
    return {name: sum(info["counts"].get(name, 0) for info in infos) for name in names}


def _funnel(total: dict[str, Any], n_read: int, order: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    rows, remaining = [], n_read
    for stage, rule in _present(total["first"], order):
        n_docs, n_bytes = total["first"][f"{stage}\t{rule}"]
        remaining -= n_docs
        rows.append({"stage": stage, "rule": rule, "documents": n_docs, "bytes": n_bytes, "remaining": remaining})
    return rows


def _rules(total: dict[str, Any], order: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    fired, alone = total["fired"], total["alone"]
    keys = [(stage, rule, f"{stage}\t{rule}") for stage, rule in _present(fired, order)]
    return [{"stage": stage, "rule": rule, "documents": fired[key], "only": alone.get(key, 0)} for stage, rule, key in keys]


def _present(figures: dict[str, Any], order: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    listed = [(stage, rule) for stage, rule in order if f"{stage}\t{rule}" in figures]
    unlisted = sorted({(stage, rule) for stage, _, rule in (key.partition("\t") for key in figures)} - set(listed))
    return [*listed, *unlisted]  # a rule that the order lacks must not be missing from the report


def _histograms(total: dict[str, Any], rule_sets: Sequence[RuleSet]) -> list[dict[str, Any]]:
    """One per rule: `edges` of bins, `documents` in each, and the threshold."""
    return [
        {"rule": name, "drop_if": rule.drop_if, "threshold": rule.threshold, "edges": edges(rule).tolist(), "documents": total["histograms"][name]}
        for rules in rule_sets
        for name, rule in zip(rules.rule_names(), rules.rules, strict=True)
        if name in total["histograms"]
    ]


def _shown(example: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in example.items() if name != "order"}


def _largest_first(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _sources(infos: Sequence[dict[str, Any]], total: dict[str, Any]) -> dict[str, dict[str, int]]:
    read: dict[str, int] = {}
    for info in infos:
        for source, n_docs in info["sources"].items():
            read[source] = read.get(source, 0) + n_docs
    kept = total["kept_by_source"]
    return {name: {"read": n, "kept": kept.get(name, _NONE)[0], "bytes_kept": kept.get(name, _NONE)[1]} for name, n in read.items()}


def _summed(infos: Sequence[dict[str, Any]], kind: str) -> dict[str, int]:
    """Documents by source that look like markup or JSON instead of text."""
    total: Counter[str] = Counter()
    for info in infos:
        total.update(info["looks_like"].get(kind, {}))
    return dict(total)


def _duplicates(total: dict[str, Any]) -> dict[str, int]:
    by_stage = {stage: sum(n for key, n in total["fired"].items() if key.startswith(f"{stage}\t")) for stage in DUPLICATE_STAGES}
    return by_stage | {"largest_cluster": max((int(size) for size in total["cluster_sizes"]), default=0)}


def _faults(infos: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Each fault once, however many tasks met it."""
    seen = dict.fromkeys((fault["file"], fault["problem"]) for info in infos for fault in info["faults"])
    return [{"file": file, "problem": problem} for file, problem in seen]
