"""What differs between two built mixes, and from which row on."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.order import rows_at
from mix.plan import Plan, shared_rows
from mix.preview import PREVIEW_NAME, read_preview
from mix.stream import Mix, open_mix
from shards.console import print_table, progress, summary
from shards.read import ShardSet

_WINDOW_ROWS = 1 << 17


def difference(a: Path, b: Path, most_rows: int | None = None) -> dict[str, Any]:
    """Recipes, sources, stages and orders of two mixes side by side: pairs are (of `a`, of `b`), None where one mix lacks the item.

    `first_different_row` is the first row number at which the mixes give different rows, None if all rows both have (or the first `most_rows`) are
    equal; `on_resume` lists the obstacles for a run started on `a` that resumes on `b`. Raises MixError.
    """
    mixes = open_mix(a, verify=False), open_mix(b, verify=False)
    recipes = [ShardSet(mix.folder, "mix", verify=False).manifest.recipe for mix in mixes]
    previews = [_preview_of(mix) for mix in mixes]
    first, compared = first_different_row(mixes[0].plan, mixes[1].plan, most_rows)
    return {
        "mixes": [str(a), str(b)],
        "plan_hash": [mix.plan_hash for mix in mixes],
        "rows": [mix.n_rows for mix in mixes],
        "tokens": [mix.n_tokens for mix in mixes],
        "recipe": _changed(_flat(recipes[0]), _flat(recipes[1])),
        "sources": _sources(mixes, previews),
        "stages": _stages(previews),
        "first_different_row": first,
        "rows_compared": compared,
        "on_resume": on_resume(*mixes, first, compared),
    }


def first_different_row(a: Plan, b: Plan, most_rows: int | None = None) -> tuple[int | None, int]:
    """The first row at which two plans give different rows, and how many were compared. Rows are equal if they are the same row of the same packed
    rows, whatever the source's name and the epoch."""
    shared = min(a.n_rows, b.n_rows)
    limit = shared if most_rows is None else min(shared, most_rows)
    if a.hash == b.hash:
        return None, shared
    numbers = {source.rows_hash: number for number, source in reversed(list(enumerate(a.sources)))}
    to_a = [np.array([numbers.get(source.rows_hash, -1) for source in plan.sources]) for plan in (a, b)]
    with progress("comparing rows", limit) as meter:
        for start in range(0, limit, _WINDOW_ROWS):
            stop = min(start + _WINDOW_ROWS, limit)
            differs = np.flatnonzero(_differing(a, b, to_a, start, stop))
            if len(differs):
                return start + int(differs[0]), start + int(differs[0])
            meter.advance(stop - start, rows=stop - start)
    return (shared if a.n_rows != b.n_rows and limit == shared else None), limit


def on_resume(a: Mix, b: Mix, first: int | None, compared: int) -> list[str]:
    """Obstacles to resuming a run of mix `a` on mix `b`, as sentences; empty if there are none."""
    if a.plan_hash == b.plan_hash:
        return []
    shared = shared_rows(a.plan, b.plan)
    if shared:
        return [f"both plans begin with the same {shared:,} rows: a run of the first continues on the second from a checkpoint at row {shared:,} or before"]
    faults = ["the plans differ: the second mix refuses to resume a run of the first"]
    if (a.tokenizer_sha256, a.n_vocab) != (b.tokenizer_sha256, b.n_vocab):
        faults.append("the tokenizers differ: the model would read the token ids wrongly")
    if a.lengths != b.lengths:
        faults.append(f"rows have {_length_words(b)} tokens, not {_length_words(a)}: a checkpoint's row number refers to other rows")
    changed = [name for name in a.sources if name in b.sources and not _hashes(a, name) & _hashes(b, name)]
    if changed:
        faults.append(f"packed rows of {', '.join(changed)} differ: they come from other tokens or another packing")
    if a.sources != b.sources:
        faults.append(f"sources are numbered {', '.join(b.sources)}, not {', '.join(a.sources)}: losses by source change their index")
    same = compared if first is None else first
    if same:
        faults.append(f"the first {same:,} rows are equal: a checkpoint up to row {same:,} was trained on the same rows")
    return faults


def _hashes(mix: Mix, source: str) -> set[str]:
    """Hashes of a source's packed rows, of every length."""
    return {planned.rows_hash for planned in mix.plan.sources if planned.name == source}


def _length_words(mix: Mix) -> str:
    return ", ".join(f"{length.row_tokens:,}" + (f" from row {length.first_row:,}" if length.first_row else "") for length in mix.lengths)


def show_difference(differences: dict[str, Any]) -> None:
    """Print the differences as tables, and their consequences for a run in progress."""
    a, b = differences["mixes"]
    if differences["recipe"]:
        print_table("recipe", ("key", a, b), [(item["key"], *map(_word, item["values"])) for item in differences["recipe"]])
    for title, items in (("sources", differences["sources"]), ("stages", differences["stages"])):
        changes = [(item["name"], change["key"], *map(_word, change["values"])) for item in items for change in item["changed"]]
        if changes:
            print_table(title, (title[:-1], "", a, b), changes)
    first = differences["first_different_row"]
    where = "none" if first is None else f"{first:,}" + (", where one ends" if first == min(differences["rows"]) else "")
    lines = {name: f"{differences[name][0]:,} and {differences[name][1]:,}" for name in ("rows", "tokens")}
    lines |= {"first different row": f"{where} ({differences['rows_compared']:,} compared)"}
    for number, fault in enumerate(differences["on_resume"]):
        lines["on resume" if number == 0 else f"on resume {number + 1}"] = fault
    summary("equal plans" if not differences["on_resume"] else "different plans", lines)


def _differing(a: Plan, b: Plan, to_a: list[NDArray[np.int64]], start: int, stop: int) -> NDArray[np.bool_]:
    of_a, of_b = rows_at(a, start, stop), rows_at(b, start, stop)
    source_a, source_b = to_a[0][of_a.source], to_a[1][of_b.source]
    return (source_a != source_b) | (of_a.row != of_b.row)


def _preview_of(mix: Mix) -> dict[str, Any]:
    """A mix's preview. Raises MixError, also if it belongs to another mix."""
    preview, plan = read_preview(mix.folder), mix.plan
    facts: list[tuple[str, Any, Any]] = [
        ("rows", preview["rows"], plan.n_rows),
        ("tokens", preview["tokens"], plan.n_tokens),
        ("row_tokens", preview["row_tokens"], plan.row_tokens),
    ]
    facts.append(("sources", [part["name"] for part in preview["sources"]], plan.source_names))
    facts.append(("stages", [part["name"] for part in preview["stages"]], [part.name for part in plan.stages]))
    facts.append(("row_tokens of stages", [part["row_tokens"] for part in preview["stages"]], [part.row_tokens for part in plan.stages]))
    for name, previewed, planned in facts:
        if previewed != planned:
            raise MixError(f"{mix.folder / PREVIEW_NAME}: {name} {_word(previewed)}, the mix's plan has {_word(planned)}; rerun `mix build`")
    return preview


def _sources(mixes: tuple[Mix, Mix], previews: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sides = []
    for mix, preview in zip(mixes, previews, strict=True):
        packed: dict[str, dict[str, str]] = {}
        for source in mix.plan.sources:
            what = "packed rows" if source.row_tokens == mix.plan.row_tokens else f"packed rows of {source.row_tokens}"
            packed.setdefault(source.name, {})[what] = source.rows_hash
        sides.append({source["name"]: source | packed[source["name"]] for source in preview["sources"]})
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    return [{"name": name, "changed": _changed(*(side.get(name, {}) for side in sides))} for name in names]


def _stages(previews: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stages by their position in the run."""
    pairs = [
        [stages[position] if position < len(stages) else {} for stages in (preview["stages"] for preview in previews)] for position in range(_most(previews))
    ]
    return [{"name": (a or b)["name"], "changed": _changed(_flat(a), _flat(b))} for a, b in pairs]


def _most(previews: list[dict[str, Any]]) -> int:
    return max(len(preview["stages"]) for preview in previews)


def _changed(a: dict[str, Any], b: dict[str, Any]) -> list[dict[str, Any]]:
    keys = dict.fromkeys([*a, *b])
    return [{"key": key, "values": [a.get(key), b.get(key)]} for key in keys if a.get(key) != b.get(key)]


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Leaves of nested mappings and lists, by their dotted keys."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        return {prefix: value}
    return {key: leaf for name, inner in items for key, leaf in _flat(inner, f"{prefix}.{name}" if prefix else str(name)).items()}


def _word(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(_word, value))
    return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
