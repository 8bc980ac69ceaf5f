"""Percentiles of a signal, or of what a rule looks at, over a run's documents, and the threshold that keeps a wanted share of them."""

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
"""cc_net cuts perplexity at 30 and 60, DCLM its classifier's score at 90."""


class Measured(NamedTuple):
    """A signal, or what a rule looks at: `name`; the rule's expressions (`value` of a signal is its name); `rules`, the rule alone in its set."""

    name: str
    value: str
    when: str | None = None
    rules: RuleSet | None = None


def measured(run: Path, name: str) -> Measured:
    """What `name` means in a run: a numeric column of its signals, or a rule as reports show it (`gopher_quality/gopher_short_doc`).

    The name after the slash is enough where no other rule ends so. Raises CurateError for what is neither.
    """
    columns = ShardSet(run / "signals", "signals", verify=False).schema.names
    if name == "language/low_confidence":
        name = "language_score"
    if name in columns:
        return Measured(name, name)
    if name in (rule for _, rule in rule_order(())):
        raise CurateError(f"--signal {name}: no signal of a document shows this; it is found while reading or by comparing documents")
    for sets in (_own_rules(run), [load_rules(shipped) for shipped in shipped_rules()]):
        found = [(rules, index) for rules in sets for index, full in enumerate(rules.rule_names()) if name in (full, full.rpartition("/")[2])]
        if len(found) == 1:
            rules, index = found[0]
            alone = rules.model_copy(update={"rules": (rules.rules[index],)})
            check_signals(alone, columns)
            return Measured(rules.rules[index].name, rules.rules[index].value, rules.rules[index].when, alone)
        if found:
            raise CurateError(f"--signal {name}: several rules end so; there is {', '.join(rules.rule_names()[index] for rules, index in found)}")
    known = [*columns, *(full for rules in _own_rules(run) for full in rules.rule_names())]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]}?" if near else f"there is {', '.join(columns)}"
    raise CurateError(f"--signal {name}: neither a signal nor a rule of this run; {advice}")


def _own_rules(run: Path) -> list[RuleSet]:
    made_with = documents_manifest(run).recipe
    return chosen_rules(build_recipe(dict(made_with), CurateRecipe, f"{run}: recipe").rules)


def signal_values(run: Path, signal: str | Measured, by: str | None, kept: bool) -> pl.DataFrame:
    """`group` and `value` of a run's documents, all that were read or only those kept. Raises CurateError for what was not measured."""
    asked = signal if isinstance(signal, Measured) else measured(run, signal)
    signals = ShardSet(run / "signals", "signals")
    read = {asked.value} if asked.rules is None else asked.rules.signals() - {HAS_FIGURES}
    wanted = ["file", "row", *sorted(read), *([by] if by else [])]
    missing = next((name for name in wanted if name not in signals.schema.names), None)
    if missing is not None:
        raise CurateError(f"{run / 'signals'}: nothing measured {missing}; there is {', '.join(signals.schema.names)}")
    frame = pl.DataFrame(signals.to_table(list(dict.fromkeys(wanted))))
    if asked.rules is not None:
        frame = frame.with_columns(pl.Series("value", rule_values(frame, asked.rules)[0]))
    elif not frame.schema[asked.value].is_numeric():
        raise CurateError(f"{run / 'signals'}: {asked.value} holds {frame.schema[asked.value]}, no number")
    else:
        frame = frame.with_columns(value=pl.col(asked.value).cast(pl.Float64))
    if kept:
        dropped = pl.DataFrame(ShardSet(run / "verdicts", "verdicts").to_table(["file", "row"]))
        frame = frame.join(dropped.unique(), on=["file", "row"], how="anti")
    return frame.select(group=pl.col(by) if by else pl.lit("all"), value="value").drop_nulls("value").drop_nans("value")


def keep_threshold(values: np.ndarray, share: float, lowest: bool) -> float:
    """The value from which on the largest (or up to which the smallest) `ceil(share · n)` of `values (n,)` lie; n at least 1."""
    n_kept = max(int(np.ceil(share * len(values))), 1)
    ordered = np.sort(values)
    return float(ordered[n_kept - 1] if lowest else ordered[len(values) - n_kept])


def print_percentiles(run: Path, signal: str, by: str | None, kept: bool, share: float | None, lowest: bool) -> None:
    """A table of percentiles by group, and the rule that keeps the share. Raises CurateError as `signal_values`, and if nothing was measured."""
    RunFolder.open(run)
    asked = measured(run, signal)
    frame = signal_values(run, asked, by, kept)
    if frame.height == 0:
        raise CurateError(f"{run / 'signals'}: {signal} has no value for any {'kept ' if kept else ''}document")
    groups = {str(key[0]): group["value"].to_numpy() for key, group in frame.group_by("group", maintain_order=True)}
    rows = [(name, len(groups[name]), *(f"{value:.5g}" for value in np.percentile(groups[name], SHOWN))) for name in sorted(groups)]
    looks_at = asked.value + (f" where {asked.when}" if asked.when else "")
    print_table(f"percentiles of {signal}" if asked.rules is None else f"percentiles of {signal}: {looks_at}", (by or "", "documents", *map(str, SHOWN)), rows)
    if share is not None:
        operator, which = (">", "lowest") if lowest else ("<", "highest")
        condition = f", when: {json.dumps(asked.when)}" if asked.when else ""
        value = asked.value if asked.rules is None else json.dumps(asked.value)
        lines = {
            name: f"{{name: {asked.name}, value: {value}{condition}, drop_if: '{operator}', threshold: {keep_threshold(values, share, lowest)!r}}}"
            for name, values in sorted(groups.items())
        }
        summary(f"rule that keeps the {which} {share:.1%}", lines)
