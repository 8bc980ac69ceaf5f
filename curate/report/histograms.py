"""The distribution of each rule's value over all documents.

Edges depend on the rule alone, never on the data, so the counts of tasks add up: shares have even bins from 0 to 1, other values bins on a
logarithmic scale around the threshold.
"""

import numpy as np
import polars as pl

from curate.rules.decide import RuleSet, rule_values
from curate.rules.ruleset import Rule

N_BINS = 48
_OCTAVES = 6


def edges(rule: Rule) -> np.ndarray:
    """(N_BINS + 1,) ascending float64. Values below or above are counted in the first or last bin."""
    threshold = float(rule.threshold)
    if 0 < threshold <= 1:
        return np.linspace(0, 1, N_BINS + 1)
    if threshold > 1:
        return np.concatenate([[0.0], threshold * 2.0 ** np.linspace(-_OCTAVES, _OCTAVES, N_BINS)])
    # Flags are compared with 0: the threshold lies inside a bin, so that bins on both sides hold flags of one value.
    return np.linspace(threshold - 1, threshold + 1, N_BINS + 1) + 1 / N_BINS


def count_values(signals: pl.DataFrame, rules: RuleSet) -> dict[str, list[int]]:
    """Documents per bin, by `set/rule`. Documents without a value are not counted.

    Rules whose threshold depends on the document have no single threshold to draw and are left out.
    """
    counts = {}
    for name, rule, values in zip(rules.rule_names(), rules.rules, rule_values(signals, rules), strict=True):
        if not isinstance(rule.threshold, str):
            limits = edges(rule)
            known = values[~np.isnan(values)]
            counts[name] = np.histogram(np.clip(known, limits[0], limits[-1]), limits)[0].tolist()
    return counts
