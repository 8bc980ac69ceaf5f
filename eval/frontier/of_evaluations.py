"""Points from outputs of `evaluate run`: models on the same held-out documents, grouped into recipes where runs repeat each other."""

from collections.abc import Sequence

from eval.errors import EvalError
from eval.frontier.evaluations import Joined
from eval.frontier.measured import Measured
from eval.frontier.points import ByDocument, ByInterval, Change, Changes, Point
from eval.frontier.runs import Cost, TrainRun, group_name, group_repeats, mean_cost, run_of_model, runs_beside

Trained = dict[str, tuple[TrainRun | None, int | None]]
"""model → the run that trained it, and the step if it is a checkpoint of it"""


def of_evaluations(joined: Joined, runs: Sequence[TrainRun], n_resamples: int) -> Measured:
    """Models that were scored on all domains, as points. Raises EvalError if the base model was not."""
    notes: list[str] = []
    models = [model for model in joined.members if _is_usable(joined, model, notes) and model != joined.baseline]
    points = points_of(joined, models, trained_by(joined, models, runs))
    domains = list(joined.roles)
    is_paired = all(joined.documents(model, domain) is not None for model in (joined.baseline, *models) for domain in domains)
    if is_paired:
        changes: Changes = ByDocument(joined, points, domains, n_resamples=n_resamples)
    else:
        notes.append("scores by document are missing from some folders, so models are compared by the intervals of their summaries, not paired by document")
        changes = ByInterval({(point.name, domain): _from_summary(joined, point, domain) for point in points for domain in domains})
    base = {domain: bits(joined, joined.baseline, domain) for domain in domains}
    return Measured("held-out documents", joined.baseline, base, dict(joined.roles), points, changes, notes)


def trained_by(joined: Joined, models: Sequence[str], runs: Sequence[TrainRun]) -> Trained:
    """The run behind each model: one of `runs`, or one whose output still lies where the evaluation found the model."""
    members = [joined.members[model] for model in models]
    known = [*runs, *runs_beside([path for member in members if (path := member.path) is not None], runs)]
    return {model: run_of_model(member.checksum, member.path, known) for model, member in zip(models, members, strict=True)}


def points_of(joined: Joined, models: Sequence[str], trained: Trained) -> list[Point]:
    """Recipes as the evaluations name them, then runs that repeat each other, then single checkpoints; in order of their first models."""
    groups = _named_recipes(joined, models)
    in_group = {model for members in groups.values() for model in members}
    finals = [(run, model) for model, (run, step) in trained.items() if run is not None and step is None and model not in in_group]
    for group in group_repeats([run for run, _ in finals]):
        members = [model for run, model in finals if any(run is one for one in group)]
        if len(members) > 1:
            groups[group_name(group, members, {*models, *groups})] = members
            in_group.update(members)
    points = [Point(name, "recipe", tuple(members), cost=mean_cost([_cost(*trained[model]) for model in members])) for name, members in groups.items()]
    for model in models:
        if model not in in_group:
            run, step = trained[model]
            last = run.steps[-1]["step"] if run is not None and step is None else step
            points.append(Point(model, "checkpoint", (model,), run.label if run else None, last, _cost(run, step)))
    return sorted(points, key=lambda point: models.index(point.members[0]))


def bits(joined: Joined, model: str, domain: str) -> float:
    """Bits per byte of a model on a domain that it was scored on."""
    where = joined.evaluation_of(model, domain)
    assert where is not None
    value: float = where[0].row(where[1], domain)["bits_per_byte"]
    return value


def _cost(run: TrainRun | None, step: int | None) -> Cost:
    return run.cost(step) if run is not None else Cost()


def _is_usable(joined: Joined, model: str, notes: list[str]) -> bool:
    """Whether a model was scored on all domains without losing text; says in `notes` why not."""
    missing = [domain for domain in joined.roles if joined.evaluation_of(model, domain) is None]
    wheres = [(domain, where) for domain in joined.roles if (where := joined.evaluation_of(model, domain)) is not None]
    lossy = [domain for domain, (evaluation, name) in wheres if evaluation.is_lossy(name, domain)]
    if not missing and not lossy:
        return True
    why = f"it was not scored on {', '.join(missing)}" if missing else f"its tokenizer loses text of {', '.join(lossy)}"
    if model == joined.baseline:
        raise EvalError(f"baseline {model}: {why}; choose other domains with --gain and --retain, or leave its folder out")
    notes.append(f"{model}: left out, because {why}")
    return False


def _named_recipes(joined: Joined, models: Sequence[str]) -> dict[str, list[str]]:
    """Recipes that the evaluations' own recipes name, of at least two models that are all at hand."""
    unique = {member.checksum: model for model, member in joined.members.items()}
    groups: dict[str, list[str]] = {}
    for evaluation in joined.evaluations:
        for name, own_names in (evaluation.summary["recipe"].get("recipes") or {}).items():
            members = [unique[evaluation.summary["models"][own]["checksum"]] for own in own_names if own in evaluation.summary["models"]]
            if len(members) == len(own_names) > 1 and set(members) <= set(models) and name not in groups:
                groups[name] = members
    return groups


def _from_summary(joined: Joined, point: Point, domain: str) -> Change:
    """Change over the baseline as a summary states it; the plain difference if it has no such row."""
    deltas = [bits(joined, model, domain) - bits(joined, joined.baseline, domain) for model in point.members]
    where = joined.evaluation_of(point.members[0], domain)
    if len(deltas) == 1 and where is not None:
        evaluation, name = where
        for row in evaluation.summary["differences"]:
            if (row["model"], row["domain"], row["against"]) == (name, domain, evaluation.summary["baseline"]):
                return Change(row["delta"], row["low"], row["high"], row.get("standard_error"))
    return Change(sum(deltas) / len(deltas))
