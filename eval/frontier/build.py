"""From the outputs that were found to the content of frontier.json: points, fronts, trajectories, suggestions, notes."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from eval.errors import EvalError
from eval.frontier.evaluations import Joined
from eval.frontier.find import Found
from eval.frontier.measured import Measured
from eval.frontier.of_evaluations import of_evaluations
from eval.frontier.of_training import in_training, of_table, of_training
from eval.frontier.pareto import dominates, standings
from eval.suggestion import other_base, predicted_change

Json = dict[str, Any]

FORMAT = 1


def build(found: Found, gain: Sequence[str], retain: Sequence[str], cost: str | None, n_resamples: int) -> Json:
    """The content of frontier.json. `gain` and `retain` name domains, empty: those with that role. `cost`: tokens, seconds or gpu_hours as a third axis of
    the front. Raises EvalError where nothing can be placed."""
    measured = _measured(found, [*gain, *retain], n_resamples)
    gains, retains = _domains(measured, gain, "gain"), _domains(measured, retain, "retain")
    domains = list(dict.fromkeys([*gains, *retains]))
    if cost is not None and all(point.cost.of(cost) is None for point in measured.points):
        hint = "no run was on GPUs, so take seconds or tokens" if cost == "gpu_hours" else "give the outputs of `train`, too"
        raise EvalError(f"--cost {cost}: unknown for every point; {hint}")
    points = _points(measured, domains)
    suggestions, notes = _suggestions(found, measured, domains)
    return {
        "format": FORMAT,
        "measure": measured.measure,
        "baseline": {"name": measured.baseline, "bits_per_byte": {name: measured.base[name] for name in domains}},
        "cost": cost,
        "points": points,
        "fronts": [_front(measured, one, other, cost, suggestions) for one, other in product(gains, retains)],
        "trajectories": _trajectories(found, points, domains),
        "suggestions": suggestions,
        "notes": [*found.problems, *measured.notes, *notes],
    }


def _measured(found: Found, wanted: Sequence[str], n_resamples: int) -> Measured:
    """The points of the surest measure at hand: documents scored by `evaluate`, else a table of runs, else scores in training."""
    if found.evaluations:
        measured = of_evaluations(Joined(found.evaluations, wanted or None), found.runs, n_resamples)
    elif found.tables:
        measured = of_table(found.tables[0])
    elif found.runs:
        measured = of_training(found.runs)
    else:
        raise EvalError("only suggestions here, and nothing that was measured; add outputs of `evaluate run` or `train`, or a table of runs")
    unused = found.tables[0 if found.evaluations else 1 :]
    measured.notes += [f"{table.path}: left out, because its runs cannot be paired by document with the others" for table in unused]
    if not measured.points:
        raise EvalError("; ".join(["no model to place beside the base model", *measured.notes]))
    if measured.baseline in {point.name for point in measured.points}:
        measured.baseline += " (base model)"
    return measured


def _domains(measured: Measured, names: Sequence[str], role: str) -> list[str]:
    known = ", ".join(measured.roles)
    for name in names:
        if name not in measured.roles:
            raise EvalError(f"--{role} {name}: no domain has this name; the domains are {known}")
    chosen = list(names) or [name for name, given in measured.roles.items() if given == role]
    if not chosen:
        raise EvalError(f"no domain has the role {role}; name one of {known} with --{role}")
    return chosen


def _points(measured: Measured, domains: Sequence[str]) -> list[Json]:
    return [
        {
            "name": point.name,
            "of": point.of,
            "members": list(point.members),
            "run": point.run,
            "step": point.step,
            "cost": {"tokens": point.cost.tokens, "seconds": point.cost.seconds, "gpu_hours": point.cost.gpu_hours},
            "changes": {domain: measured.changes.change(point, domain)._asdict() for domain in domains},
        }
        for point in measured.points
    ]


def _front(measured: Measured, gain: str, retain: str, cost: str | None, suggestions: Sequence[Json]) -> Json:
    """The front of one pair of domains, with `cost` as a third, exact axis; points of unknown cost are then left out. The base model competes, too: its
    changes and its cost are exactly 0."""
    points = [point for point in measured.points if cost is None or point.cost.of(cost) is not None]
    changes, domains = measured.changes, (gain, retain)
    n, n_costs = len(points), int(cost is not None)
    estimates = np.array([*([changes.change(point, domain).delta for domain in domains] for point in points), [0.0, 0.0]])
    costs = np.array([*([point.cost.of(cost)] for point in points), [0.0]], dtype=np.float64) if cost is not None else np.zeros((n + 1, 0))
    drawn = [changes.draws(points, domain) for domain in domains]
    draws = None
    if drawn[0] is not None and drawn[1] is not None:
        with_base = [np.column_stack([axis, np.zeros(len(axis))]) for axis in (drawn[0], drawn[1])]
        draws = np.stack([*with_base, *[np.broadcast_to(costs[:, 0], with_base[0].shape) for _ in range(n_costs)]], axis=2)

    def p_value(one: int, other: int) -> float:
        a, b = min(one, other), max(one, other)
        return max(changes.p_value(points[a], points[b] if b < n else None, domain) for domain in domains)

    names = [*(point.name for point in points), measured.baseline]
    places: list[Json] = [
        {"status": one.status, "dominated_by": [names[i] for i in one.dominated_by], "surely_by": [names[i] for i in one.surely_by]}
        | {"front_share": one.front_share}
        for one in standings(np.hstack([estimates, costs]), p_value, draws)
    ]
    rows = [{"point": name} | place for name, place in zip(names[:-1], places[:-1], strict=True)]
    beside = _beside(suggestions, domains, names, estimates)
    return {"gain": gain, "retain": retain, "base": places[-1], "standings": rows, "suggestions": beside}


def _beside(suggestions: Sequence[Json], domains: tuple[str, str], names: Sequence[str], estimates: np.ndarray) -> list[Json]:
    """Where suggestions lie: points whose estimates are better than what they predict on both domains, and points that they would beat on both."""
    rows = []
    for suggestion in suggestions:
        if set(domains) <= suggestion["changes"].keys():
            own = np.array([suggestion["changes"][domain]["delta"] for domain in domains])
            beaten_by = [name for name, estimate in zip(names, estimates, strict=True) if dominates(estimate, own)]
            beats = [name for name, estimate in zip(names, estimates, strict=True) if dominates(own, estimate)]
            rows.append({"suggestion": suggestion["name"], "beaten_by": beaten_by, "beats": beats})
    return rows


def _suggestions(found: Found, measured: Measured, domains: Sequence[str]) -> tuple[list[Json], list[str]]:
    """Suggestions with the changes that they predict over their own base; and notes on those of other domains or another base."""
    rows, notes = [], []
    for name, suggestion in found.suggestions.items():
        known = {domain.name: predicted_change(domain) for domain in suggestion.domains if domain.name in domains and domain.base is not None}
        if not known:
            notes.append(f"suggestion {name}: left out, because it predicts none of {', '.join(domains)} over a known base")
            continue
        notes += other_base(name, suggestion, measured.base)
        rows.append({"name": name, "status": suggestion.status, "shares": suggestion.shares, "changes": known})
    return rows, notes


def _trajectories(found: Found, points: Sequence[Json], domains: Sequence[str]) -> list[Json]:
    """Curves over steps: checkpoints of a run that were evaluated, and evaluations in training."""
    by_run = dict[str, list[Json]]()
    for point in points:
        if point["run"] is not None and point["step"] is not None:
            step = {"step": point["step"], "tokens": point["cost"]["tokens"], "changes": point["changes"]}
            by_run.setdefault(point["run"], []).append(step)
    evaluated: list[Json] = [
        {"run": run, "measure": "held-out documents", "steps": sorted(steps, key=lambda step: step["step"])} for run, steps in by_run.items() if len(steps) > 1
    ]
    trained: list[Json] = [{"run": run.label, "measure": "held-out rows during training", "steps": in_training(run, domains)} for run in found.runs]
    return evaluated + [one for one in trained if one["steps"]]
