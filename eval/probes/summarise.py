"""Summarises the items of all models: figures with intervals, paired differences from the baseline, verdicts; the content of probes.json."""

import math
from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

import numpy as np

from eval.models import ModelFolder
from eval.probes.calibration import error_difference, error_interval
from eval.probes.items import Item, from_table
from eval.probes.languages import identifier
from eval.probes.measure import Inputs
from eval.probes.measures import HUMAN, MEASURES, range_of
from eval.probes.recipe import ProbesRecipe
from eval.probes.shares import is_share, share_difference, share_interval, smallest_change, within
from eval.probes.subject import Subject
from eval.probes.texts import MODES, Generated, examples, language_items, repetition_items
from eval.statistics.differences import ratio_difference, ratio_interval
from eval.statistics.interval import MIN_EFFECTIVE_CLUSTERS, Interval, verdict
from eval.statistics.multiple import holm
from eval.statistics.recipes import recipe_difference
from eval.summary.rows import LOSSY, bounds
from shards.recipe import recipe_hash
from shards.stages import Stage

RECORD_NAME = "probes.json"
Json = dict[str, Any]
Key = tuple[str, str]
"""(measure, domain)"""
Items = Mapping[Key, Mapping[bytes, tuple[float, float]]]
"""Items of one model: (measure, domain) → item → numerator and denominator."""
Bins = Mapping[str, tuple[list[bytes], np.ndarray]]
"""Calibration of one model: domain → ids of documents, and `(n_docs, n_bins, 3)`."""
Clusters = Mapping[str, Mapping[bytes, int]]
"""Domain → document → label."""


def summarise(
    recipe: ProbesRecipe,
    folders: Mapping[str, ModelFolder],
    stages: Mapping[tuple[str, str], Stage],
    inputs: Inputs,
    baseline: Subject,
    versions: dict[str, str],
    lossy: list[dict[str, str]],
) -> Json:
    """The content of probes.json, from finished stages of (model, probe). `lossy`: models and domains whose text a tokenizer loses."""
    texts, human = _texts(recipe, folders, stages), _human(recipe, inputs, baseline)
    items = {name: _by_key(_items_of(name, recipe, stages, texts, inputs)) for name in folders}
    if human:
        items[HUMAN] = _by_key(repetition_items(human) + _languages(recipe, human, inputs))
    bins = {name: _bins(stages[name, "calibration"]) for name in folders if (name, "calibration") in stages}
    differences = _differences(recipe, items, bins, inputs.clusters, {(one["model"], one["domain"]) for one in lossy})
    skipped = [
        {"model": model, "probe": probe, "why": stage.info(0)["skipped"]}
        for (model, probe), stage in stages.items()
        if "skipped" in stage.info(0) and not (probe == "drift" and model == recipe.baseline)
    ]
    infos = {probe: {model: stage.info(0) for (model, one), stage in stages.items() if one == probe} for probe in ("in_context", "chat", "drift")}
    return {
        "name": recipe.name,
        "recipe": recipe.model_dump(mode="json"),
        "recipe_hash": recipe_hash(recipe),
        "baseline": recipe.baseline,
        "versions": versions,
        "models": {name: {"checksum": folder.checksum, "model_type": folder.config.get("model_type")} for name, folder in folders.items()},
        "domains": list(recipe.domains),
        "probes": list(dict.fromkeys([*(probe for _, probe in stages), *(["language"] if recipe.language and recipe.generation else [])])),
        "measures": {name: dict(zip(measure._fields, measure, strict=True)) for name, measure in MEASURES.items() if _is_measured(name, items, bins)},
        "scores": _scores(recipe, items, bins, inputs.clusters),
        "differences": differences,
        "skipped": skipped,
        "lossy": lossy,
        "examples": examples(inputs.prompts, texts, {(one.domain, one.doc_id): one.text for one in human}, recipe.examples) if texts else [],
        "tasks": {model: info["rule_found"] for model, info in infos["in_context"].items()},
        "answers": {model: info["answers"] for model, info in infos["chat"].items() if "answers" in info},
        "reliability": {name: {domain: _reliability(sums) for domain, (_, sums) in one.items()} for name, one in bins.items()},
        "drift": {model: info for model, info in infos["drift"].items() if "cells" in info},
    }


def _is_measured(name: str, items: Mapping[str, Items], bins: Mapping[str, Bins]) -> bool:
    return bool(bins) if name == "calibration_error" else any(measure == name for one in items.values() for measure, _ in one)


def _texts(recipe: ProbesRecipe, folders: Mapping[str, ModelFolder], stages: Mapping[tuple[str, str], Stage]) -> dict[str, list[Generated]]:
    if recipe.generation is None:
        return {}
    return {name: [Generated(**row) for row in stages[name, "generation"].table(0, "texts").to_pylist()] for name in folders}


def _human(recipe: ProbesRecipe, inputs: Inputs, baseline: Subject) -> list[Generated]:
    """The authors' continuations, as long as a generated text may be in the baseline's tokens, once for each way of generating."""
    if recipe.generation is None:
        return []
    n, texts = recipe.generation.tokens, []
    for prompt, ids in zip(inputs.prompts, baseline.tokenizer.encode([prompt.rest for prompt in inputs.prompts]), strict=True):
        text = prompt.rest if len(ids) <= n else baseline.tokenizer.decode(ids[:n])
        texts += [Generated(mode, prompt.domain, prompt.doc_id, text, ids[:n].tolist(), len(ids) <= n) for mode in MODES]
    return texts


def _items_of(model: str, recipe: ProbesRecipe, stages: Mapping[tuple[str, str], Stage], texts: Mapping[str, list[Generated]], inputs: Inputs) -> list[Item]:
    measured = [item for (name, _), stage in stages.items() if name == model for item in from_table(stage.table(0, "items"))]
    return measured + (_languages(recipe, texts[model], inputs) if texts else [])


def _languages(recipe: ProbesRecipe, texts: list[Generated], inputs: Inputs) -> list[Item]:
    if recipe.language is None:
        return []
    return language_items(texts, inputs.prompts, recipe.language, identifier(recipe.language.identifier))


def _by_key(items: list[Item]) -> Items:
    grouped: dict[Key, dict[bytes, tuple[float, float]]] = {}
    for item in items:
        grouped.setdefault((item.measure, item.domain), {})[item.item] = (item.numerator, item.denominator)
    return grouped


def _bins(stage: Stage) -> Bins:
    table = stage.table(0, "bins")
    n_bins = int(table["bin"].to_numpy().max()) + 1
    sums = np.stack([table[name].to_numpy() for name in ("confidence", "right", "tokens")], axis=1).reshape(-1, n_bins, 3)
    domains, ids = table["domain"].to_pylist()[::n_bins], table["doc_id"].to_pylist()[::n_bins]
    rows = {domain: [row for row, one in enumerate(domains) if one == domain] for domain in dict.fromkeys(domains)}
    return {domain: ([ids[row] for row in chosen], sums[chosen]) for domain, chosen in rows.items()}


def _reliability(sums: np.ndarray) -> list[Json]:
    """One row a bin that holds tokens: mean confidence, share right, tokens."""
    total = sums.sum(axis=0)
    return [{"confidence": sure / n, "right": right / n, "tokens": int(n)} for sure, right, n in total.tolist() if n]


def _scores(recipe: ProbesRecipe, items: Mapping[str, Items], bins: Mapping[str, Bins], clusters: Clusters) -> list[Json]:
    """Every measure of every model and of the authors, with its interval."""
    rows = []
    for name, measure in MEASURES.items():
        for model, one in items.items():
            for domain in ("", *recipe.domains):
                values = {item: pair for item, pair in one.get((name, domain), {}).items() if pair[1] > 0}
                if values:
                    interval = _interval(np.array(list(values.values())), measure.unit, recipe, labels_of(list(values), domain, clusters))
                elif name == "calibration_error" and domain in bins.get(model, {}):
                    ids, sums = bins[model][domain]
                    interval = error_interval(sums, labels_of(ids, domain, clusters))
                else:
                    continue
                span = range_of(name)
                rows.append({"measure": name, "model": model, "domain": domain, **_facts(interval if span is None else within(interval, *span))})
    return rows


def labels_of(ids: list[bytes], domain: str, clusters: Clusters) -> np.ndarray | None:
    """Labels of items, `(n_items,) int64`; None if all are independent: questions, and documents that are no one's near-duplicate."""
    if domain not in clusters:
        return None
    labels = np.array([clusters[domain][doc_id] for doc_id in ids], np.int64)
    return labels if len(np.unique(labels)) < len(labels) else None


def _interval(pairs: np.ndarray, unit: str, recipe: ProbesRecipe, labels: np.ndarray | None) -> Interval:
    if is_share(pairs):
        return share_interval(pairs[:, 0], unit, labels)
    return ratio_interval(pairs, clusters=labels, scale=1.0, n_resamples=recipe.n_resamples, seed=recipe.seed, unit=unit)


def _facts(interval: Interval) -> Json:
    sizes = {"items": interval.n, "clusters": interval.clusters, "effective": interval.effective}
    return {"value": interval.estimate, **bounds(interval), **sizes}


def _differences(recipe: ProbesRecipe, items: Mapping[str, Items], bins: Mapping[str, Bins], clusters: Clusters, lossy: Set[tuple[str, str]]) -> list[Json]:
    """Every model, and every recipe of several models, against the baseline; verdicts hold together (Holm). `lossy`: models and domains without a verdict."""
    subjects: list[tuple[str, tuple[str, ...], str]] = [(name, (name,), "checkpoint") for name in recipe.models if name != recipe.baseline]
    subjects += [(name, runs, "recipe") for name, runs in recipe.recipes.items() if recipe.baseline not in runs]
    compared: list[tuple[Json, Interval, bool]] = []
    for name, measure in MEASURES.items():
        for domain in ("", *recipe.domains):
            for subject, runs, of in subjects:
                interval = _difference(name, domain, runs, recipe, items, bins, clusters)
                if interval is not None:
                    interval = _within_changes(name, interval)
                    row = {"probe": measure.probe, "measure": name, "domain": domain, "model": subject, "against": recipe.baseline, "of": of}
                    compared.append((row, interval, any((model, domain) in lossy for model in (recipe.baseline, *runs))))
    judged = [
        number
        for number, (row, interval, is_lossy) in enumerate(compared)
        if MEASURES[row["measure"]].better and not is_lossy and interval.effective >= MIN_EFFECTIVE_CLUSTERS
    ]
    adjusted = dict(zip(judged, holm([compared[number][1].p_value for number in judged]), strict=True))
    return [
        row | _judged(row["measure"], interval, adjusted.get(number)) | ({"verdict": LOSSY} if is_lossy and MEASURES[row["measure"]].better else {})
        for number, (row, interval, is_lossy) in enumerate(compared)
    ]


def _within_changes(name: str, interval: Interval) -> Interval:
    span = range_of(name)
    if span is None or not math.isfinite(interval.high - interval.low):
        return interval
    return within(interval, span[0] - span[1], span[1] - span[0])


def _judged(name: str, interval: Interval, adjusted_p: float | None) -> Json:
    better = MEASURES[name].better
    sizes = {"items": interval.n, "clusters": interval.clusters, "effective": interval.effective}
    said = verdict(interval, adjusted_p, lower_is_better=better == "lower") if better else None
    found = bounds(interval)
    if (span := range_of(name)) is not None and math.isfinite(interval.high - interval.low):
        found["minimum_detectable"] = smallest_change(interval, span[1] - span[0])
    return {"delta": interval.estimate, **found, "p_value": interval.p_value, "adjusted_p": adjusted_p, "verdict": said, **sizes}


def _difference(
    name: str, domain: str, runs: tuple[str, ...], recipe: ProbesRecipe, items: Mapping[str, Items], bins: Mapping[str, Bins], clusters: Clusters
) -> Interval | None:
    """Paired difference of one measure; None if the models have no items of it in common."""
    if name == "calibration_error":
        if len(runs) > 1 or any(domain not in bins.get(model, {}) for model in (recipe.baseline, *runs)):
            return None
        ids, base_sums = bins[recipe.baseline][domain]
        return error_difference(base_sums, bins[runs[0]][domain][1], labels_of(ids, domain, clusters))
    found = [items[model].get((name, domain), {}) for model in (recipe.baseline, *runs)]
    common = [item for item in found[0] if all(one.get(item, (0.0, 0.0))[1] > 0 for one in found)]
    if not common:
        return None
    labels = labels_of(common, domain, clusters)
    settings: Json = {"n_resamples": recipe.n_resamples, "seed": recipe.seed, "clusters": labels}
    base, *news = (np.array([one[item] for item in common]) for one in found)
    if len(news) == 1 and is_share(base) and is_share(news[0]):
        interval = share_difference(base[:, 0], news[0][:, 0], clusters=labels)
    elif len(news) == 1:
        interval = ratio_difference(base, news[0], scale=1.0, **settings)
    else:
        interval = recipe_difference([base], news, fixed_base=True, scale=1.0, **settings)
    return replace(interval, unit=MEASURES[name].unit)
