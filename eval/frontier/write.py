"""`evaluate frontier` and `evaluate compare`: what they read, and the files that they write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.errors import EvalError
from eval.frontier import figures, show
from eval.frontier.build import build
from eval.frontier.compare import compare
from eval.frontier.evaluations import Joined
from eval.frontier.find import find
from eval.frontier.record import FrontierRecord
from shards import page
from shards.folder import output_folder, write_owned
from shards.page.colors import model_colors
from shards.record import check_values, sealed

Json = dict[str, Any]

FRONTIER, PAGE, COMPARISON = "frontier.json", "frontier.html", "compare.json"
N_RESAMPLES = 10_000


def write_frontier(paths: Sequence[Path], out: Path, gain: Sequence[str], retain: Sequence[str], cost: str | None) -> Json:
    """Write frontier.json and frontier.html into `out`, and return the content. Raises EvalError for outputs that are missing or not comparable."""
    content = build(find(paths), gain, retain, cost, N_RESAMPLES)
    check_values(content, FrontierRecord, "frontier", error=EvalError)
    with output_folder(out, [FRONTIER, PAGE]):
        write_owned(out / FRONTIER, sealed(content, allow_nan=False))
        write_owned(out / PAGE, render(content).encode("utf-8", "replace"))
    return content


def render(content: Json) -> str:
    """The page as HTML."""
    names = [*(point["run"] or point["name"] for point in content["points"]), *(one["name"] for one in content["suggestions"])]
    names += [trajectory["run"] for trajectory in content["trajectories"]]
    colors = model_colors(dict.fromkeys(names))
    plots = [figures.plane(content, front, colors) for front in content["fronts"]]
    tables = [show.front_rows(content, front, digits=3) for front in content["fronts"]]
    sentences = [show.suggestion_words(content, front) for front in content["fronts"]]
    runs = {point["name"]: point["run"] or point["name"] for point in content["points"]}
    parts = [
        {"front": front, "plane": plot, "runs": runs, "header": header, "rows": rows, "sentences": words}
        for front, plot, (header, rows), words in zip(content["fronts"], plots, tables, sentences, strict=True)
    ]
    curves, costs = figures.curves(content, colors), figures.costs(content, colors)
    return page.render(Path(__file__).parent / "page.html.j2", frontier=content, parts=parts, curves=curves, costs=costs, colors=colors)


def write_comparison(paths: Sequence[Path], out: Path | None, baseline: str | None) -> Json:
    """The paired table of all models in the evaluations found; written to `out`/compare.json if `out` is given."""
    found = find(paths)
    if not found.evaluations:
        given = ", ".join(map(str, paths))
        raise EvalError(f"{given}: no output of `evaluate run` to compare; score the models first, or use `evaluate frontier` for other outputs")
    content = compare(Joined(found.evaluations), found.runs, baseline, N_RESAMPLES)
    content["notes"] = [*found.problems, *content["notes"]]
    if out is not None:
        with output_folder(out, [COMPARISON]):
            write_owned(out / COMPARISON, sealed(content, allow_nan=False))
    return content
