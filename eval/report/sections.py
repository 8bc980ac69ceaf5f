"""The sections of the page, in their order. A section is one line here, a template `NAME.html.j2`, and its figures in report.json under `key`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from eval.report import figures, long_context, over_steps, probes, tasks
from shards.page import INK
from shards.page.colors import model_colors, source_colors

Json = dict[str, Any]


class Colors(NamedTuple):
    """One colour for each name on the page: sources, with the domains of their names; models, with recipes and suggestions. The baseline is ink."""

    sources: Mapping[str, str]
    models: Mapping[str, str]


class Section(NamedTuple):
    """A section of the page, left out where report.json has nothing under `key`; `plots` paints its figures, by the names that its template uses."""

    id: str
    title: str
    key: str
    plots: Callable[[Json, Colors], Mapping[str, Any]] = lambda content, colors: {}

    @property
    def template(self) -> str:
        """File name of its template."""
        return f"{self.key}.html.j2"


SECTIONS = (
    Section("short", "In short", "headline", figures.headline),
    Section("scores", "Scores", "scores"),
    Section("tasks", "Tasks", "tasks", tasks.plots),
    Section("contamination", "Contamination", "contamination"),
    Section("documents", "Documents", "documents"),
    Section("text", "Cost of text", "text"),
    Section("long-context", "Long context", "long_context", long_context.plots),
    Section("probes", "Probes", "probes", probes.plots),
    Section("corpora", "Corpora", "corpora"),
    Section("mixes", "Mixes", "mixes", figures.mixes),
    Section("runs", "Training", "runs", figures.runs),
    Section("steps", "Over steps", "over_steps", lambda content, colors: {"over_steps": over_steps.plots(content, colors.models)}),
    Section("provenance", "Provenance", "provenance"),
    Section("caveats", "Caveats", "caveats"),
)


def sections_of(content: Json) -> list[Section]:
    """Sections that have something to show."""
    return [section for section in SECTIONS if content.get(section.key)]


def colors_of(content: Json) -> Colors:
    """Colours of all names in the content, wherever they occur."""
    baseline = content["headline"]["baseline"]
    models = [name for name in [*_values(content, {"model", "against"}), *content.get("recipes", {})] if name != baseline]
    models += [named["name"] for kind in ("suggestions", "mixes", "runs") for named in content[kind] if named["name"] != baseline]
    sources = {*_values(content, {"domain", "source"}), *(source["name"] for mix in content["mixes"] for source in mix["sources"])}
    sources |= {name for run in content["runs"] for key in ("loss_by_source", "bits_per_byte") for name in run[key]}
    sources |= {corpus["name"] for corpus in content["corpora"]}
    return Colors(source_colors(sources), model_colors(models) | {baseline: INK})


def _values(content: Any, keys: set[str]) -> Iterator[str]:
    """Strings under one of `keys` at any depth, in order."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key in keys and isinstance(value, str):
                yield value
            else:
                yield from _values(value, keys)
    elif isinstance(content, list):
        for value in content:
            yield from _values(value, keys)
