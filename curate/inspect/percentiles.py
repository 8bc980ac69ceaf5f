"""Percentiles of a signal or of a rule's value over the documents of a run, and the threshold that keeps a given share of them."""

import difflib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from curate.compare.deciders import rule_order
from curate.errors import CurateError
from curate.recipe import CurateRecipe
from curate.rules.chosen import chosen_rules
from curate.rules.decide import check_signals, load_rules, rule_values, shipped_rules
from curate.rules.ruleset import HAS_FIGURES, RuleSet
from curate.run_folder import RunFolder, documents_manifest
from shards.console import print_table, summary
from shards.read import ShardSet
from shards.recipe import build_recipe

SHOWN = (1, 5, 10, 25, 30, 50, 60, 75, 90, 95, 99)
"""Percentiles shown. cc_net cuts perplexity at 30 and 60, DCLM its classifier's score at 90."""


class Measured(NamedTuple):
    """A signal or a rule's value: its name, expression and condition; `rules`: the rule alone in its set, None for a signal."""

    name: str
    value: str
    when: str | None = None
    rules: RuleSet | None = None


def measured(run: Path, name: str) -> Measured:
    """Resolve `name`: a numeric column of the run's signals, or a rule as in reports (`gopher_quality/gopher_short_doc`).

    The name after the slash suffices if it is unique. Raises CurateError for any other name.
    """
    columns = ShardSet(run / "signals", "signals", verify=False).schema.names
    if name == "language/low_confidence":
        name = "language_score"
    if name in columns:
        return Measured(name, name)
    if name in (rule for _, rule in rule_order(())):
        raise CurateError(f"--signal {name}: this rule has no signal; it applies while reading or compares documents")
    for sets in (_own_rules(run), [load_rules(shipped) for shipped in shipped_rules()]):
        matching = [(rules, index) for rules in sets for index, full in enumerate(rules.rule_names()) if name in (full, full.rpartition("/")[2])]
        if len(matching) == 1:
            rules, index = matching[0]
            alone = rules.model_copy(update={"rules": (rules.rules[index],)})
            check_signals(alone, columns)
            return Measured(rules.rules[index].name, rules.rules[index].value, rules.rules[index].when, alone)
        if matching:
            raise CurateError(f"--signal {name}: several rules have this name: {', '.join(rules.rule_names()[index] for rules, index in matching)}")
    known = [*columns, *(full for rules in _own_rules(run) for full in rules.rule_names())]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]}?" if near else f"there is {', '.join(columns)}"
    raise CurateError(f"--signal {name}: neither a signal nor a rule of this run; {advice}")


def _own_rules(run: Path) -> list[RuleSet]:
    made_with = documents_manifest(run).recipe
    return chosen_rules(build_recipe(dict(made_with), CurateRecipe, f"{run}: recipe").rules)


def signal_values(run: Path, signal: str | Measured, by: str | None, kept: bool) -> pl.DataFrame:
    """`group` and `value` of the run's documents: all, or only those kept. Raises CurateError for a signal that was not measured."""
    wanted_signal = signal if isinstance(signal, Measured) else measured(run, signal)
    signals = ShardSet(run / "signals", "signals")
    read = {wanted_signal.value} if wanted_signal.rules is None else wanted_signal.rules.signals() - {HAS_FIGURES}
    wanted = ["file", "row", *sorted(read), *([by] if by else [])]
    missing = next((name for name in wanted if name not in signals.schema.names), None)
    if missing is not None:
        raise CurateError(f"{run / 'signals'}: nothing measured {missing}; there is {', '.join(signals.schema.names)}")
    frame = pl.DataFrame(signals.to_table(list(dict.fromkeys(wanted))))
    if wanted_signal.rules is not None:
        frame = frame.with_columns(pl.Series("value", rule_values(frame, wanted_signal.rules)[0]))
    elif not frame.schema[wanted_signal.value].is_numeric():
        raise CurateError(f"{run / 'signals'}: {wanted_signal.value} holds {frame.schema[wanted_signal.value]}, no number")
    else:
        frame = frame.with_columns(value=pl.col(wanted_signal.value).cast(pl.Float64))
    if kept:
        dropped = pl.DataFrame(ShardSet(run / "verdicts", "verdicts").to_table(["file", "row"]))
        frame = frame.join(dropped.unique(), on=["file", "row"], how="anti")
    return frame.select(group=pl.col(by) if by else pl.lit("all"), value="value").drop_nulls("value").drop_nans("value")


def keep_threshold(values: np.ndarray, share: float, lowest: bool) -> float:
    """The threshold that keeps the largest (or the lowest) `ceil(share · n)` of `values (n,)`, n ≥ 1."""
    n_kept = max(int(np.ceil(share * len(values))), 1)
    ordered = np.sort(values)
    return float(ordered[n_kept - 1] if lowest else ordered[len(values) - n_kept])


def print_percentiles(run: Path, signal: str, by: str | None, kept: bool, share: float | None, lowest: bool) -> None:
    """Print percentiles by group, and the rule that keeps `share`. Raises CurateError like `signal_values`, and if there is no value."""
    RunFolder.open(run)
    wanted_signal = measured(run, signal)
    frame = signal_values(run, wanted_signal, by, kept)
    if frame.height == 0:
        raise CurateError(f"{run / 'signals'}: {signal} has no value for any {'kept ' if kept else ''}document")
    groups = {str(key[0]): group["value"].to_numpy() for key, group in frame.group_by("group", maintain_order=True)}
    rows = [(name, len(groups[name]), *(f"{value:.5g}" for value in np.percentile(groups[name], SHOWN))) for name in sorted(groups)]
    looks_at = wanted_signal.value + (f" where {wanted_signal.when}" if wanted_signal.when else "")
    print_table(
        f"percentiles of {signal}" if wanted_signal.rules is None else f"percentiles of {signal}: {looks_at}", (by or "", "documents", *map(str, SHOWN)), rows
    )
    if share is not None:
        operator, which = (">", "lowest") if lowest else ("<", "highest")
        condition = f", when: {json.dumps(wanted_signal.when)}" if wanted_signal.when else ""
        value = wanted_signal.value if wanted_signal.rules is None else json.dumps(wanted_signal.value)
        lines = {
            name: f"{{name: {wanted_signal.name}, value: {value}{condition}, drop_if: '{operator}', threshold: {keep_threshold(values, share, lowest)!r}}}"
            for name, values in sorted(groups.items())
        }
        summary(f"rule that keeps the {which} {share:.1%}", lines)
