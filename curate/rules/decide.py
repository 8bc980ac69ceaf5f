"""Apply rules to signals: which documents are dropped, by which rules, and by how much they missed."""

import difflib
import operator

import numpy as np
import polars as pl

from curate.errors import CurateError
from curate.languages.table import FIGURES, figures, full_code
from curate.rules.ruleset import HAS_FIGURES, Rule, RuleSet, load_rules, shipped_rules
from curate.signals.groups import group_of

__all__ = ["RuleSet", "check_signals", "decide", "first_reason", "load_rules", "shipped_rules"]

_FIGURE = "figure/"
_OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def decide(signals: pl.DataFrame, rules: RuleSet) -> pl.DataFrame:
    """One row for each document and rule that drops it, ordered by document, then by the rules' order in their set.

    `row` int64: the document's row in `signals`; `rule` "set/rule"; `value`, `threshold` float64. Every rule is tried on every document
    and none hides another. A value that is null or NaN drops nothing; 0 is a value like any other. Raises CurateError if a rule reads a
    signal that is not there. Sets with figures decide by the column `language`; a document whose language has none is judged only by
    rules that read `has_figures`.
    """
    check_signals(rules, signals.columns)
    if rules.figures is not None:
        signals = _with_figures(signals)
    values = np.empty((signals.height, len(rules.rules)), np.float64)
    thresholds = np.empty_like(values)
    dropped = np.zeros(values.shape, bool)
    for column, rule in enumerate(rules.rules):
        values[:, column] = _values(signals, rule)
        thresholds[:, column] = _thresholds(signals, rule, rules)
        dropped[:, column] = _OPERATORS[rule.drop_if](values[:, column], thresholds[:, column])
    rows, fired = np.nonzero(dropped)
    names = pl.Series(rules.rule_names(), dtype=pl.String)
    return pl.DataFrame({"row": rows, "rule": names.gather(fired), "value": values[rows, fired], "threshold": thresholds[rows, fired]})


def _with_figures(signals: pl.DataFrame) -> pl.DataFrame:
    """`signals`, `has_figures`, and the figures of each document's language as `figure/NAME`, null where it has none."""
    codes = signals["language"].unique().drop_nulls()
    named = pl.DataFrame({"language": codes, "full": pl.Series([full_code(code) for code in codes], dtype=pl.String)})
    by_code = named.join(figures().rename({name: _FIGURE + name for name in FIGURES}), left_on="full", right_on="language", how="left")
    joined = signals.join(by_code.drop("full", "stop_words"), on="language", how="left", maintain_order="left")
    return joined.with_columns(pl.col(_FIGURE + FIGURES[0]).is_not_null().cast(pl.Float64).alias(HAS_FIGURES))


def _thresholds(signals: pl.DataFrame, rule: Rule, rules: RuleSet) -> np.ndarray | float:
    """The rule's threshold for each document; NaN, by which none is dropped, where the set's figures don't reach."""
    if isinstance(rule.threshold, str):
        return signals[_FIGURE + rule.threshold].fill_null(float("nan")).to_numpy()
    if rules.figures is None or HAS_FIGURES in rule.signals():
        return rule.threshold
    return np.where(signals[HAS_FIGURES].to_numpy() == 1, rule.threshold, np.nan)


def rule_values(signals: pl.DataFrame, rules: RuleSet) -> list[np.ndarray]:
    """Each rule's value of every document, (n_docs,) float64 in the order of the rules; NaN where a rule is not tried."""
    if rules.figures is not None:
        signals = _with_figures(signals)
    return [_values(signals, rule) for rule in rules.rules]


def check_signals(rules: RuleSet, known: list[str]) -> None:
    """Raise CurateError if a rule reads a signal that is not `known`: names the rule, the signal, and the nearest that exists."""
    for rule, full_name in zip(rules.rules, rules.rule_names(), strict=True):
        for name in sorted((rule.signals() & rules.signals()) - set(known)):
            raise CurateError(f"rule {full_name}: {_advice(name, known, rules.needs)}")


def _advice(name: str, known: list[str], needs: str) -> str:
    group = group_of(name)
    if group is not None:
        return f"{name} was not measured; put `signals: [{group}]` into the recipe and measure again with `curate run`"
    if needs:
        return f"{name} was not measured; its rule set needs `{needs}` in the recipe: put it there and run `curate run` again"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"no signal is called {name}; " + (f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}")


def first_reason(verdicts: pl.DataFrame, n_documents: int) -> pl.Series:
    """The first rule of each document in order of `verdicts`, or null if none drops it; (n_documents,) strings.

    A program that stops at the first rule that fires gives this as its reason.
    """
    firsts = verdicts.unique("row", keep="first", maintain_order=True)
    reasons = pl.DataFrame({"row": np.arange(n_documents)}).join(firsts, on="row", how="left", maintain_order="left")
    return reasons["rule"].alias("reason")


def _values(signals: pl.DataFrame, rule: Rule) -> np.ndarray:
    """The rule's value of every document as float64; NaN where it is null or the rule's condition does not hold."""
    value = pl.sql_expr(rule.value).cast(pl.Float64)
    if rule.when is not None:
        value = pl.when(pl.sql_expr(rule.when)).then(value)
    try:
        return signals.select(value.fill_null(float("nan")).alias("value"))["value"].to_numpy()
    except pl.exceptions.PolarsError as error:
        raise CurateError(f"rule {rule.name}: cannot compute {rule.value} ({' '.join(str(error).split())})") from None
