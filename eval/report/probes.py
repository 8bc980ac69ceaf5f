"""The report's section on probes: what continued pre-training broke, and the figures of calibration and drift."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from eval.report.tasks import WORDS
from shards.page import FAINT, INK, draw, text_on

Json = dict[str, Any]
_PARTS = ("embeddings", "attention", "mlp", "norms", "head", "other")
_TONES = {"better": "good", "worse": "bad"}
_JUDGED = ("better", "worse", "undetectable")
_MARKERS = "osD^vP"
_PALE, _DEEP = (0.96, 0.95, 0.90), (0.70, 0.21, 0.10)


def probes_content(recorded: Json | None, n_characters: int) -> Json | None:
    """The section's figures from probes.json, None without one. Texts of examples are cut to `n_characters`."""
    if recorded is None:
        return None
    measures = recorded["measures"]
    changes = [_change(row, recorded) for row in recorded["differences"] if row["verdict"] in _TONES]
    few = [row for row in recorded["differences"] if row["verdict"] == "too few"]
    judged = sum(row["verdict"] in _JUDGED for row in recorded["differences"])
    kept = ("baseline", "tasks", "skipped", "reliability", "answers")
    return {key: recorded[key] for key in kept} | {
        "models": [{"model": name} for name in recorded["models"]],
        "changes": changes,
        "judged": judged,
        "lossy": recorded.get("lossy", []),
        "without_verdict": len(few),
        "too_few": list(dict.fromkeys(_words(row["measure"]) + (f" on {row['domain']}" if row["domain"] else "") for row in few)),
        "differences": [_difference(row) for row in recorded["differences"]],
        "table": _table(recorded),
        "examples": [_cut(example, n_characters) for example in recorded["examples"]],
        "drift": {model: _grid(drift) for model, drift in recorded["drift"].items()},
        "meanings": {name: measures[name]["meaning"] for name in measures},
    }


def _change(row: Json, recorded: Json) -> Json:
    facts = recorded["measures"][row["measure"]]
    values = {score["model"]: score["value"] for score in recorded["scores"] if (score["measure"], score["domain"]) == (row["measure"], row["domain"])}
    found = {"before": values[recorded["baseline"]], "after": values[recorded["baseline"]] + row["delta"], "human": values.get("human")}
    words = {"name": _words(row["measure"]), "meaning": facts["meaning"], "unit": facts["unit"], "tone": _TONES[row["verdict"]]}
    return row | found | words | {"domain": row["domain"] or None}


def _difference(row: Json) -> Json:
    kept = ("model", "of", "delta", "low", "high", "minimum_detectable")
    said = {"verdict": WORDS.get(row["verdict"]), "tone": _TONES.get(row["verdict"], "plain")}
    return {key: row[key] for key in kept} | said | {"name": _words(row["measure"]), "domain": row["domain"] or None}


def _table(recorded: Json) -> list[Json]:
    """One row a measure and domain: the value of each model, and of the authors."""
    rows: dict[tuple[str, str], Json] = {}
    for score in recorded["scores"]:
        rows.setdefault((score["measure"], score["domain"]), {})[score["model"]] = score["value"]
    return [
        {"probe": recorded["measures"][name]["probe"], "name": _words(name), "domain": domain or None, "by_model": values, **recorded["measures"][name]}
        for (name, domain), values in rows.items()
    ]


def _cut(example: Json, n: int) -> Json:
    def short(text: str) -> str:
        return text if len(text) <= n else text[:n].rstrip() + " …"

    texts = {model: {mode: one | {"text": short(one["text"])} for mode, one in modes.items()} for model, modes in example["continuations"].items()}
    return example | {"human": short(example["human"]), "continuations": texts}


def _grid(drift: Json) -> Json:
    """Relative distances as rows of layers and columns of parts; cells outside of layers stand in a row of their own."""
    parts = [part for part in _PARTS if any(cell["part"] == part for cell in drift["cells"])]
    layers = sorted({cell["layer"] for cell in drift["cells"]}, key=lambda layer: -1 if layer is None else layer)
    cells = {(cell["layer"], cell["part"]): cell["relative"] for cell in drift["cells"]}
    rows = [{"layer": layer, "values": [cells.get((layer, part)) for part in parts]} for layer in layers]
    moved = [cell for cell in drift["cells"] if cell["relative"] is not None]
    most = max(moved, key=lambda cell: cell["relative"]) if moved else None
    return {"parts": parts, "rows": rows, "total": drift["total"]["relative"], "most": most, "words": drift["rows"], "not_compared": drift["not_compared"]}


def _words(name: str) -> str:
    return name.replace("_", " ")


def plots(content: Json, colors: Any) -> dict[str, Any]:
    """The section's figures: reliability by domain, and a map of drift by model."""
    section = content["probes"]
    domains = list(dict.fromkeys(domain for one in section["reliability"].values() for domain in one))
    return {
        "reliability": [_reliability(domain, section, colors.models) for domain in domains],
        "drift": [_drift(model, section) for model in section["drift"]],
    }


def _reliability(domain: str, section: Json, colors: Mapping[str, str]) -> Any:
    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.grid(True)
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":")
        for index, (model, one) in enumerate(section["reliability"].items()):
            rows = one.get(domain, [])
            color = INK if model == section["baseline"] else colors[model]
            points = [row["confidence"] for row in rows], [row["right"] for row in rows]
            axes.plot(*points, marker=_MARKERS[index % len(_MARKERS)], color=color, markersize=4, linewidth=1.4)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel("probability of the first choice")
        axes.set_ylabel("first choices that are right")
        axes.set_title(domain)

    sentence = f"Share of right first choices on {domain} against their mean probability, one line per model; a calibrated model lies on the diagonal."
    return draw(f"calibration on {domain}", (4.0, 3.4), paint, description=sentence)


def _drift(model: str, section: Json) -> Any:
    grid = section["drift"][model]
    largest = max((value for one in section["drift"].values() for row in one["rows"] for value in row["values"] if value is not None), default=0) or 1.0
    inches = (4.6, 1.0 + 0.32 * len(grid["rows"]))
    most = grid["most"]
    where = "" if most is None else f" The largest is {most['relative']:.2%}, {most['part']}{_of_layer(most['layer'])}."
    sentence = f"Distance of the weights of {model} from {section['baseline']}, one row per layer and one column per part.{where}"
    return draw(f"drift of {model}", inches, partial(_paint_drift, model, grid, largest), description=sentence)


def _of_layer(layer: int | None) -> str:
    return "" if layer is None else f" of layer {layer}"


def cell_color(share: float) -> str:
    """Colour of a cell of the map of drift, from pale at 0 to deep at 1."""
    return "#" + "".join(f"{round(255 * (pale + share * (deep - pale))):02x}" for pale, deep in zip(_PALE, _DEEP, strict=True))


def _paint_drift(model: str, grid: Json, largest: float, figure: Figure) -> None:
    axes: Axes = figure.subplots()
    for y, row in enumerate(grid["rows"]):
        for x, value in enumerate(row["values"]):
            if value is None:
                continue
            color = cell_color(min(value / largest, 1.0) ** 0.5)
            axes.fill([x, x + 1, x + 1, x], [y, y, y + 1, y + 1], color=color, linewidth=0)
            axes.text(x + 0.5, y + 0.5, f"{value:.2%}" if value < 0.1 else f"{value:.0%}", ha="center", va="center", color=text_on(color))
    axes.set_xlim(0, len(grid["parts"]))
    axes.set_ylim(len(grid["rows"]), 0)
    labels = [part.replace("embeddings", "embed-\ndings") for part in grid["parts"]]
    axes.set_xticks([x + 0.5 for x in range(len(labels))], labels)
    axes.set_yticks([y + 0.5 for y in range(len(grid["rows"]))], ["outside" if row["layer"] is None else f"layer {row['layer']}" for row in grid["rows"]])
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_title(model)
