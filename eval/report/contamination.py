"""The report's section on contamination: what of held-out text and tasks stands in training sets, and scores without it."""

from collections.abc import Iterator
from typing import Any

from eval.report.words import join
from eval.tables import signed
from eval.tasks.tables import delta_words, metric_name

Json = dict[str, Any]
KINDS = {"exact": "equal", "near": "nearly equal", "contained": "for the most part contained", "covered": "partly contained"}
N_EXAMPLES = 3


def contamination_content(summary: Json, tasks: Json | None, n_characters: int) -> Json | None:
    """The section; None if nothing was checked. `groups` counts items of each domain and task, `rows` are differences with all items and without those
    that stand in training sets, `examples` are up to three of them, cut to `n_characters`."""
    found = [(summary, section, "domains") for section in [summary.get("contamination")] if section]
    found += [(tasks, section, "tasks") for section in [(tasks or {}).get("contamination")] if section and tasks]
    if not found:
        return None
    groups = [group for _, section, key in found for group in _groups(section, key)]
    examples = [example for _, section, _ in found for example in section["examples"]][:N_EXAMPLES]
    return {
        "sentence": _sentence(groups),
        "groups": groups,
        "rows": [row for content, section, key in found for row in _rows(content, section, key)],
        "examples": [_example(example, n_characters) for example in examples],
        "notes": list(dict.fromkeys(_notes(found))),
        "against": list({one["folder"]: one for _, section, _ in found for one in section["against"]}.values()),
    }


def _groups(section: Json, key: str) -> Iterator[Json]:
    left_out = section.get("left_out", {})
    for name, counts in section[key].items():
        contaminated = sum(counts[kind] for kind in KINDS) + left_out.get(name, 0)
        yield {"name": name, "what": key[:-1], "contaminated": contaminated, "left_out": left_out.get(name, 0)} | counts


def _sentence(groups: list[Json]) -> str:
    n_items, n_found = (sum(group[key] for group in groups) for key in ("items", "contaminated"))
    n_items += sum(group["left_out"] for group in groups)
    checked = {group["what"] for group in groups}
    what = join(words for kind, words in (("domain", "held-out documents"), ("task", "task items")) if kind in checked)
    if not n_found:
        return f"None of {n_items:,} {what} stands in the training sets, as a whole or for a large part."
    return f"{n_found:,} of {n_items:,} {what} stand in a training set, as a whole or for a large part."


def _rows(content: Json, section: Json, key: str) -> Iterator[Json]:
    """A row for each difference on clean items, with the same difference on all of them."""
    group = key[:-1]
    identity = ("model", "against", group, *(("metric",) if group == "task" else ()))
    everything = {tuple(row[name] for name in identity): row for row in content["differences"]}
    for row in sorted(section["differences"], key=lambda row: (list(section[key]).index(row[group]), row["against"])):
        whole = everything.get(tuple(row[name] for name in identity))
        metric = row.get("metric", "bits_per_byte")
        n_all = sum(section[key][row[group]][kind] for kind in (*KINDS, "none", "too_short"))
        yield {
            "name": row[group],
            "model": row["model"],
            "against": row["against"],
            "metric": metric_name(metric) if group == "task" else "bits per byte",
            "all": _change(metric, whole["delta"]) if whole else "",
            "all_interval": _interval(metric, whole) if whole else "",
            "clean": _change(metric, row["delta"]),
            "clean_interval": _interval(metric, row),
            "left": row["items"] if group == "task" else row["documents"],
            "of": n_all,
        }


def _change(metric: str, value: float) -> str:
    return signed(value) if metric == "bits_per_byte" else delta_words(metric, value)


def _interval(metric: str, row: Json) -> str:
    return "unbounded" if row["low"] is None else f"{_change(metric, row['low'])} to {_change(metric, row['high'])}"


def _example(example: Json, n_characters: int) -> Json:
    cut = {key: example[key] if len(example[key]) <= n_characters else f"{example[key][:n_characters]} …" for key in ("item_excerpt", "train_excerpt")}
    return example | cut | {"kind_words": KINDS[example["kind"]]}


def _notes(found: list[tuple[Json, Json, str]]) -> Iterator[str]:
    for _, section, key in found:
        if section["note"]:
            yield f"{'Held-out text' if key == 'domains' else 'Tasks'}: {section['note']}."
