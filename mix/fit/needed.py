"""Messages for tables with too few runs: how many ratios a law needs, and which laws need no more than there are."""

from collections.abc import Sequence

import numpy as np

from mix.errors import MixError
from mix.fit.candidate import SPARE_POINTS, Tried, too_few
from mix.fit.rows import DomainRows
from mix.laws.catalog import LAWS
from mix.laws.law import Evidence, Law, Points

_N_PROBED = 64


def refusal(domain: str, laws: Sequence[str], tried: Sequence[Tried], rows: DomainRows, seed: int) -> str:
    """The message for a domain that none of its laws could be fitted to."""
    n_ratios = len(np.unique(rows.ratio))
    needs = {name: needed for name in laws if name in LAWS and (needed := ratios_needed(LAWS[name], rows, seed)) is not None}
    short = {name: needed for name, needed in needs.items() if needed > n_ratios}
    there = f"{n_ratios} distinct ratio{'s' * (n_ratios != 1)}"
    if not short:
        return f"{domain}: no law can be fitted ({'; '.join(f'{law.facts.law}: {law.facts.problem}' for law in tried)})"
    easiest = min(short, key=lambda name: short[name])
    message = f"{domain}: too few runs: {easiest} needs {short[easiest]} distinct ratios, and the table has {there}"
    others = [name for name in LAWS if name not in laws and _would_do(LAWS[name], rows, seed)]
    return f"{message}; {'laws that would do: ' + ', '.join(others) if others else 'no other law would do'}"


def ratios_needed(law: Law, rows: DomainRows, seed: int) -> int | None:
    """Distinct ratios of these sources that a law needs: its parameters, and SPARE_POINTS to test them with.

    None for laws along runs, which need other things than ratios, for laws without a fixed number of parameters, and for laws that these losses lack
    more for than ratios. The parameters are counted by fitting the law to losses at enough made-up ratios.
    """
    if law.along_runs or not len(rows.evidence):
        return None
    made_up = _many_ratios(rows.evidence.take(rows.is_last), seed)
    try:
        n_free = 0 if law.problem(made_up) else law.fit(made_up, seed=seed).n_free
    except MixError:
        return None
    return n_free + SPARE_POINTS if n_free else None


def _many_ratios(evidence: Evidence, seed: int) -> Evidence:
    """Evidence of a smooth loss at many ratios of the sources whose shares vary, or of all if none does."""
    random = np.random.default_rng(seed)
    shares = evidence.points.shares
    varies = np.ptp(shares, axis=0) > 0
    varies = varies if varies.sum() > 1 else np.ones(len(varies), bool)
    drawn = np.tile(shares.mean(axis=0), (_N_PROBED, 1))
    drawn[:, varies] = drawn[:, varies].sum(axis=1, keepdims=True) * random.dirichlet(np.ones(varies.sum()), _N_PROBED)
    slopes = np.linspace(1.0, 2.0, len(varies))
    points = Points.of_shares(evidence.points.sources, drawn, tokens=1e9, parameters=1e9, pretraining_tokens=1e9)
    return Evidence(points, 2.0 + np.exp(-drawn @ slopes), np.arange(_N_PROBED), evidence.source, evidence.base)


def _would_do(law: Law, rows: DomainRows, seed: int) -> bool:
    """Whether a law can be fitted to these rows, with enough points to test it."""
    evidence = rows.evidence.take(rows.usable(law.along_runs))
    try:
        return not law.problem(evidence) and too_few(law.fit(evidence, seed=seed).n_free, rows, law.along_runs) is None
    except MixError:
        return False
