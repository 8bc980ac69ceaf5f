"""`curate calibrate`: a rule set for a new language or domain, derived from clean text in it.

FineWeb2's authors derived thresholds from Wikipedia in each language by several methods. Two of them are in the examples of their fork of
datatrove (beme248/datatrove, examples/multilingual). They do not cover the thresholds of repetition; those are ours.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from curate.errors import CurateError
from curate.fit.examples import read_texts
from curate.fit.frequent_words import WordCounts
from curate.languages.identify import load_language_model
from curate.languages.table import full_code
from curate.rules.decide import decide, load_rules, rule_values
from curate.rules.ruleset import Rule, RuleSet
from curate.signals.measure import measure
from curate.words.choice import OTHERWISE, load_splitter, splitter_name
from shards.folder import refuse_foreign, write_page
from shards.yaml_text import dump_yaml

Method = Literal["mean", "quantile"]


class Derived(NamedTuple):
    """How a rule's threshold is derived from its values in the reference."""

    name: str
    value: str
    drop_if: Literal["<", ">"]
    deviations: float
    """Method `mean`: standard deviations added to the mean."""
    quantile: float
    """Method `quantile`: quantile of the values."""
    least: float = float("-inf")
    """Lower limit of the threshold."""


DERIVED = (
    Derived("line_punct_ratio", "line_punct_ratio", "<", -1, 0.2),
    Derived("short_line_ratio", "short_line_ratio", ">", 1, 0.8),
    Derived("list_ratio", "n_newlines / n_words", ">", 2, 0.97),
    Derived("gopher_below_avg_threshold", "mean_word_chars", "<", -1, 0.0001),
    Derived("gopher_above_avg_threshold", "mean_word_chars", ">", 1, 0.9999),
    Derived("gopher_below_alpha_threshold", "alpha_word_ratio", "<", -3, 0.25),
)
"""Published factors and quantiles of documents' values; with `mean`, word lengths are those of all words. For words with a letter, FineWeb2's
authors used three standard deviations in one place and half of one in another; we use three.
"""

REPETITION = (
    Derived("dup_line_frac", "dup_line_frac", ">", 3, 0.99, 0.3),
    *(Derived(f"top_{n}_gram", f"top_{n}_gram_char_frac", ">", 3, 0.99, 0.24 - 0.02 * n) for n in (2, 3, 4)),
    *(Derived(f"duplicated_{n}_n_grams", f"dup_{n}_gram_char_frac", ">", 3, 0.99, 0.2 - 0.01 * n) for n in range(5, 11)),
)
"""Our own, as no method for these was published. Clean text hardly repeats anything, so no threshold is stricter than Gopher's for English."""

CONFIDENCE = Derived("low_confidence", "language_score", "<", -3, 0.02)
LEAST_CONFIDENCE, MOST_CONFIDENCE = 0.3, 0.9
"""Limits of FineWeb2's thresholds of confidence."""

FIXED = (
    Rule(name="empty", value="n_lines", drop_if="<", threshold=1),
    Rule(name="gopher_short_doc", value="n_non_symbol_words", drop_if="<", threshold=50),
    Rule(name="gopher_long_doc", value="n_non_symbol_words", drop_if=">", threshold=100000),
    Rule(name="gopher_too_many_hashes", value="n_hashes / n_words", drop_if=">", threshold=0.1),
    Rule(name="gopher_too_many_ellipsis", value="n_ellipses / n_words", drop_if=">", threshold=0.1),
    Rule(name="gopher_too_many_bullets", value="bullet_line_ratio", drop_if=">", threshold=0.9),
    Rule(name="gopher_too_many_end_ellipsis", value="ellipsis_line_ratio", drop_if=">", threshold=0.3),
)
"""Rules with the same thresholds in every language."""

_DIGITS = 4


class Calibration(NamedTuple):
    """A rule set derived from a reference, and what it drops of the reference."""

    rules: RuleSet
    words: str
    n_documents: int
    table: list[tuple[str, str, float, float, float]]
    """One row per rule: name, comparison, threshold, median in the reference, share of the reference's documents that it drops."""
    dropped: float
    """Share of documents dropped by at least one rule."""


class MeasuredReference(NamedTuple):
    """Measurements of the clean text."""

    signals: pl.DataFrame
    stop_words: tuple[str, ...]
    word_length: tuple[float, float]
    """Mean and standard deviation over all words, in characters."""
    words: str
    language: str
    model: str


def calibrate(
    paths: Sequence[str], out: Path, language: str = "", method: Method = "mean", words: str = "", model: str = "default", one_per_line: bool = False
) -> Calibration:
    """Write a rule set derived from the texts at `paths` to `out`. Recipes name it by its path in `rules`.

    `language` is a code, or "" for a domain. `words` is a splitter; by default the language's splitter of `words: auto`. If `model` knows the
    language, the set also has a rule for confidence. Raises CurateError for texts, splitters or models that cannot be used.
    """
    name = re.sub(r"\W", "_", out.stem)
    if out.suffix not in (".yaml", ".yml") or not name:
        raise CurateError(f"--out {out}: a rule set is a .yaml file; choose a name that ends in .yaml")
    refuse_foreign(out.parent, [out.name])
    words = words or (splitter_name("auto", language) if language else OTHERWISE)
    reference = measure_reference(paths, f"n_stop_words_{name}", words, language, model, one_per_line)
    rules = derive(reference, name, out, method)
    write_page(out, _yaml(rules).encode())
    return _judged(load_rules(out), reference)


def measure_reference(paths: Sequence[str], column: str, words: str, language: str, model: str, one_per_line: bool = False) -> MeasuredReference:
    """Signals and stop words of the reference; the signal `column` counts a document's distinct stop words. Reads the reference twice."""
    splitter, identifier = load_splitter(words), load_language_model(model) if language else None
    counts = WordCounts(splitter)
    for texts in read_texts(paths, one_per_line=one_per_line):
        counts.add(texts)
    stop_words = counts.stop_words()
    if not stop_words:
        raise CurateError(f"--reference {' '.join(paths)}: no text in it; give files with text")
    batches = []
    for texts in read_texts(paths, one_per_line=one_per_line):
        frame = pl.DataFrame(measure(texts, splitter, own_stop_words={column: stop_words}))
        if identifier is not None:
            languages = identifier.identify(texts.cast(pa.large_string()))
            frame = frame.with_columns(language=pl.Series(languages.code.to_pylist(), dtype=pl.String), language_score=languages.score)
        batches.append(frame)
    return MeasuredReference(pl.concat(batches), stop_words, counts.length(), words, language, model)


def derive(reference: MeasuredReference, name: str, out: Path, method: Method) -> RuleSet:
    """Rule set of a measured reference. Raises CurateError if the reference has too little text."""
    derived = [_rule(reference.signals, entry, method, reference.word_length) for entry in (*REPETITION, *DERIVED)]
    stop = Rule(name="gopher_enough_stop_words", value=f"n_stop_words_{name}", drop_if="<", threshold=2)
    return RuleSet(
        name=name,
        dialect="calibrated",
        source=f"derived by `curate calibrate --method {method}` from {reference.signals.height} documents",
        about=_about(reference),
        needs=f"rules: [{out}]",
        languages=(reference.language,) if reference.language else (),
        stop_words=reference.stop_words,
        rules=(*_confidence(reference, method), *derived, *FIXED, stop),
    )


def _about(reference: MeasuredReference) -> str:
    language = f"Language {reference.language}. " if reference.language else ""
    return f"{language}Thresholds hold for words of `words: {reference.words}`; those of repetition follow a rule of our own."


def _confidence(reference: MeasuredReference, method: Method) -> list[Rule]:
    """A rule for confidence, if the model identifies at least half of the reference as the language."""
    if not reference.language:
        return []
    language = full_code(reference.language)
    codes = reference.signals["language"]
    own = [code for code in codes.unique().to_list() if full_code(code) == language]
    inside = reference.signals.filter(codes.is_in(own))
    if inside.height * 2 < reference.signals.height:
        return []
    rule = _rule(inside, CONFIDENCE, method, reference.word_length)
    threshold = min(max(float(rule.threshold), LEAST_CONFIDENCE), MOST_CONFIDENCE)
    return [rule.model_copy(update={"threshold": threshold, "when": f"language = '{own[0]}'"})]


def _rule(signals: pl.DataFrame, derived: Derived, method: Method, word_length: tuple[float, float]) -> Rule:
    draft = Rule(name=derived.name, value=derived.value, drop_if=derived.drop_if, threshold=0.0)
    values = rule_values(signals, RuleSet(name="draft", dialect="", source="", rules=(draft,)))[0]
    values = values[~np.isnan(values)]
    if len(values) == 0:
        raise CurateError(f"calibrate: no document of the reference has a value for {derived.name} ({derived.value}); give more text")
    mean, deviation = word_length if derived.value == "mean_word_chars" else (values.mean(), values.std())
    threshold = np.quantile(values, derived.quantile) if method == "quantile" else mean + derived.deviations * deviation
    return draft.model_copy(update={"threshold": round(max(float(threshold), derived.least), _DIGITS)})


def _judged(rules: RuleSet, reference: MeasuredReference) -> Calibration:
    signals = reference.signals
    verdicts = decide(signals, rules)
    n_by_rule = dict(verdicts.group_by("rule").len().iter_rows())
    medians = [float(np.nanmedian(values)) if not np.isnan(values).all() else float("nan") for values in rule_values(signals, rules)]
    table: list[tuple[str, str, float, float, float]] = [
        (rule.name, rule.drop_if, float(rule.threshold), median, n_by_rule.get(name, 0) / signals.height)
        for rule, name, median in zip(rules.rules, rules.rule_names(), medians, strict=True)
    ]
    return Calibration(rules, reference.words, signals.height, table, verdicts["row"].n_unique() / signals.height)


def _yaml(rules: RuleSet) -> str:
    """The rule set in YAML, one line per rule."""
    head = rules.model_dump(mode="json", include={"name", "dialect", "source", "about", "needs"})
    lines = [dump_yaml(head, width=140).rstrip()]
    if rules.languages:
        lines.append("languages: " + _flow(list(rules.languages)))
    lines.append("stop_words: " + _flow(list(rules.stop_words)))
    lines.append("rules:")
    lines += ["  - " + _flow(rule.model_dump(mode="json", exclude_none=True)) for rule in rules.rules]
    return "\n".join(lines) + "\n"


def _flow(value: object) -> str:
    return dump_yaml(value, default_flow_style=True, width=10**6).rstrip()
