"""Apply rules to signals: which documents each rule drops, with value and threshold."""

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
    """One row per document and rule that drops it, ordered by document, then by the order of the rules.

    `row` int64: the document's row in `signals`; `rule` "set/rule"; `value`, `threshold` float64. Every rule is tried on every document;
    none hides another. Null and NaN values drop nothing; 0 is a value like any other. Sets with figures use the column `language`; only
    rules that read `has_figures` judge documents whose language has no figures. Raises CurateError if a rule reads a missing signal.
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
    """The rule's threshold for each document; NaN, which drops nothing, for languages without figures."""
    if isinstance(rule.threshold, str):
        return signals[_FIGURE + rule.threshold].fill_null(float("nan")).to_numpy()
    if rules.figures is None or HAS_FIGURES in rule.signals():
        return rule.threshold
    return np.where(signals[HAS_FIGURES].to_numpy() == 1, rule.threshold, np.nan)


def rule_values(signals: pl.DataFrame, rules: RuleSet) -> list[np.ndarray]:
    """One (n_docs,) float64 array of values per rule, in order; NaN where a rule is not tried."""
    if rules.figures is not None:
        signals = _with_figures(signals)
    return [_values(signals, rule) for rule in rules.rules]


def check_signals(rules: RuleSet, known: list[str]) -> None:
    """Raise CurateError if a rule reads a signal that is not `known`; the message names the rule, the signal and the closest name."""
    for rule, full_name in zip(rules.rules, rules.rule_names(), strict=True):
        for name in sorted((rule.signals() & rules.signals()) - set(known)):
            raise CurateError(f"rule {full_name}: {_advice(name, known, rules.needs)}")


def _advice(name: str, known: list[str], needs: str) -> str:
    group = group_of(name)
    if group is not None:
        return f"{name} was not measured; add `signals: [{group}]` to the recipe and measure again with `curate run`"
    if needs:
        return f"{name} was not measured; its rule set needs `{needs}` in the recipe: add it and run `curate run` again"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"no signal is called {name}; " + (f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}")


def first_reason(verdicts: pl.DataFrame, n_documents: int) -> pl.Series:
    """The first rule in `verdicts` of each document, (n_documents,) strings; null if none drops it.

    This is the reason given by programs that stop at the first rule that fires.
    """
    firsts = verdicts.unique("row", keep="first", maintain_order=True)
    reasons = pl.DataFrame({"row": np.arange(n_documents)}).join(firsts, on="row", how="left", maintain_order="left")
    return reasons["rule"].alias("reason")


def _values(signals: pl.DataFrame, rule: Rule) -> np.ndarray:
    """The rule's value for each document, float64; NaN where it is null or the rule's condition is not true."""
    value = pl.sql_expr(rule.value).cast(pl.Float64)
    if rule.when is not None:
        value = pl.when(pl.sql_expr(rule.when)).then(value)
    try:
        return signals.select(value.fill_null(float("nan")).alias("value"))["value"].to_numpy()
    except pl.exceptions.PolarsError as error:
        raise CurateError(f"rule {rule.name}: cannot compute {rule.value} ({' '.join(str(error).split())})") from None
