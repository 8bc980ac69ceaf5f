"""Points from what runs measured themselves: held-out bits per byte during training, or a table of runs."""

from collections.abc import Callable, Sequence
from typing import Any

from eval.errors import EvalError
from eval.frontier.measured import Measured
from eval.frontier.points import ByInterval, Change, Point, of_repeats
from eval.frontier.runs import Cost, TrainRun, group_name, group_repeats, mean_cost
from eval.frontier.table import RunsTable, TableRun

Json = dict[str, Any]

_SAME_BASE = 1e-4
"""Difference in bits per byte of one base model on the same rows that rounding explains."""
_SAME_SHARE = 0.005


def of_training(runs: Sequence[TrainRun]) -> Measured:
    """Runs with scores in training, at their last evaluation. Raises EvalError if two scored other documents, or another base model."""
    notes: list[str] = []
    usable = [run for run in runs if _is_usable(run, runs, notes)]
    if not usable:
        return Measured("held-out rows during training", "base", {}, {}, [], ByInterval({}), notes)
    base = _common_base(usable, runs)
    domains = [domain for domain in base if all(domain in run.scored_steps[-1]["bits_per_byte"] for run in usable)]
    points, changes = [], {}
    for group in group_repeats(usable):
        members = tuple(run.label for run in group)
        steps = [run.scored_steps[-1] for run in group]
        name = members[0] if len(group) == 1 else group_name(group, members, {run.label for run in usable})
        cost = mean_cost([run.cost(line["step"]) for run, line in zip(group, steps, strict=True)])
        if len(group) > 1:
            points.append(Point(name, "recipe", members, cost=cost))
        else:
            points.append(Point(name, "checkpoint", members, members[0], steps[0]["step"], cost))
        for domain in domains:
            changes[name, domain] = of_repeats([line["bits_per_byte"][domain] - base[domain] for line in steps])
    notes.append("scores in training have no interval by document; those shown are over seeds. Score the models with `evaluate run` for paired differences")
    roles = dict.fromkeys(domains)
    return Measured("held-out rows during training", "base", {domain: base[domain] for domain in domains}, {**roles}, points, ByInterval(changes), notes)


def of_table(table: RunsTable) -> Measured:
    """Runs of a table at their last row; runs of equal shares and length are repeats of one recipe."""
    domains = [domain for domain in table.base if all(domain in run.bits for run in table.runs)]
    points, changes = [], {}
    for group in _repeats(table.runs):
        name = group[0].name if len(group) == 1 else " + ".join(run.name for run in group)
        tokens = [run.tokens for run in group if run.tokens is not None]
        cost = Cost(round(sum(tokens) / len(tokens)) if len(tokens) == len(group) else None)
        points.append(Point(name, "recipe" if len(group) > 1 else "checkpoint", tuple(run.name for run in group), cost=cost))
        for domain in domains:
            changes[name, domain] = of_repeats([run.bits[domain] - table.base[domain] for run in group])
    roles = dict.fromkeys(domains)
    return Measured(f"table of runs {table.path.name}", "base", {domain: table.base[domain] for domain in domains}, {**roles}, points, ByInterval(changes))


def in_training(run: TrainRun, domains: Sequence[str]) -> list[Json]:
    """Changes over the base model at each evaluation in training, for domains whose base score is known."""
    known = [domain for domain in domains if domain in run.base_scores]
    return [
        {"step": line["step"], "tokens": line["tokens"], "changes": _changes(line["bits_per_byte"], run.base_scores, known)}
        for line in run.scored_steps
        if known and all(domain in line["bits_per_byte"] for domain in known)
    ]


def _changes(bits: dict[str, float], base: dict[str, float], domains: Sequence[str]) -> dict[str, Json]:
    return {domain: Change(bits[domain] - base[domain])._asdict() for domain in domains}


def _is_usable(run: TrainRun, runs: Sequence[TrainRun], notes: list[str]) -> bool:
    if not run.scored_steps:
        notes.append(f"{run.label}: left out, because nothing was scored in training (evaluate in its recipe)")
    elif not any(other.base_scores for other in runs if other.record.get("model_hash") == run.record.get("model_hash")):
        notes.append(f"{run.label}: left out, because its base model was not scored (evaluate.at_start in its recipe)")
    else:
        return True
    return False


def _common_base(usable: Sequence[TrainRun], runs: Sequence[TrainRun]) -> dict[str, float]:
    """Bits per byte of the base model that all runs began from."""
    scored = [run for run in runs if run.base_scores]
    first = next(run for run in scored if run.record.get("model_hash") == usable[0].record.get("model_hash"))
    for run in (*usable, *scored):
        if run.record.get("model_hash") != first.record.get("model_hash"):
            raise EvalError(f"{first.folder} and {run.folder} started from different models, so their changes are not comparable; leave one of them out")
        for domain in run.base_scores.keys() & first.base_scores.keys():
            values = first.base_scores[domain], run.base_scores[domain]
            if abs(values[0] - values[1]) > _SAME_BASE:
                raise EvalError(
                    f"domain {domain}: the base model has {values[0]:.4f} bits per byte in {first.folder}, {values[1]:.4f} in {run.folder}, so they scored "
                    "other documents or rows of another length; score their models with one recipe of `evaluate run`"
                )
    return first.base_scores


def _repeats(runs: Sequence[TableRun]) -> list[list[TableRun]]:
    groups: list[list[TableRun]] = []
    for run in runs:
        group: list[TableRun] | None = next((group for group in groups if _is_repeat(group[0], run)), None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    return groups


def _is_repeat(a: TableRun, b: TableRun) -> bool:
    names: Callable[[TableRun], set[str]] = lambda run: {name for name, share in run.shares.items() if share}  # noqa: E731
    if not a.shares or names(a) != names(b) or (a.tokens is None) != (b.tokens is None):
        return False
    is_as_long = a.tokens is None or b.tokens is None or abs(a.tokens - b.tokens) <= _SAME_SHARE * max(a.tokens, b.tokens)
    return is_as_long and all(abs(share - b.shares.get(name, 0.0)) <= _SAME_SHARE for name, share in a.shares.items())
