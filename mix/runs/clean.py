"""What is wrong with a table of runs: mended and told where the meaning is clear, refused where it is not."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.runs.columns import counted, listed
from mix.runs.identity import merged_rows, named_apart
from mix.runs.table import Array, Runs

SILENT, TOLD = 1e-6, 1e-3
"""Deviations of a row's sum of shares from 1 up to which they are divided by their sum: silently, or with a note."""

_ROUNDING_ERROR = 1e-12
"""Deviations that sums of exact shares may have; dividing by them would change what was written."""
_MOST_ROUNDING = 0.01
"""Largest deviation that is taken for rounding of shares to a few decimals."""


def clean_rows(runs: Runs, where: str) -> tuple[Runs, list[str]]:
    """Check each row for itself: shares sum to 1, losses are finite, rows without any loss go. `where` begins messages.

    Raises MixError for shares that are negative, missing or do not sum to 1, negative losses, numbers below 0, and a table of which no row is left.
    """
    _check_numbers(runs, where)
    shares, notes = _unit_shares(runs, where)
    runs, of_losses = _known_losses(replace(runs, shares=shares), where)
    return runs, notes + of_losses


def clean(runs: Runs, where: str) -> tuple[Runs, list[str]]:
    """Make rows unique by run and step, and check that their losses can be compared. `where` begins messages.

    Raises MixError for a run and step with two values of one column, and for losses in nats a token of several tokenizers.
    """
    runs, of_names = named_apart(runs, where)
    runs, of_rows = merged_rows(runs, where)
    _check_tokenizers(runs, where)
    return runs, of_names + of_rows


def _check_numbers(runs: Runs, where: str) -> None:
    for name, values in runs.numbers.items():
        bad = np.isinf(values) | ((values < 0) if name != "seed" else np.zeros(len(runs), bool))
        if bad.any():
            raise MixError(f"{where}: {name} is negative or infinite in {counted(int(bad.sum()), 'row')}: {_named(runs, bad)}")


def _unit_shares(runs: Runs, where: str) -> tuple[Array, list[str]]:
    """Shares that sum to 1 in each row; NaN throughout for base models."""
    shares, unknown, base = runs.shares.copy(), np.isnan(runs.shares), runs.is_base
    without = ~base & unknown.all(axis=1)
    if without.any():
        raise MixError(
            f"{where}: {counted(int(without.sum()), 'row')} without shares: {_named(runs, without)}; "
            "give their shares, or kind base for the model that training starts from"
        )
    shares[unknown] = 0.0
    wrong = ~base & ((shares < 0) | np.isinf(shares)).any(axis=1)
    if wrong.any():
        raise MixError(f"{where}: shares that are negative or infinite in {counted(int(wrong.sum()), 'row')}: {_named(runs, wrong)}")
    sums = shares.sum(axis=1)
    far = np.abs(sums - 1)
    refused = ~base & (far > np.maximum(TOLD, _rounding(shares)))
    if refused.any():
        raise MixError(_wrong_sum(runs, sums, refused, where))
    told = ~base & (far > SILENT)
    notes = [f"{where}: shares of {counted(int(told.sum()), 'row')} divided by their sum, which is 1 to {far[told].max():.1g}"] if told.any() else []
    shares = np.divide(shares, sums[:, None], out=shares, where=((far > _ROUNDING_ERROR) & ~base)[:, None])
    shares[base] = np.nan
    return shares, notes


def _rounding(shares: Array) -> float:
    """By how much sums of these shares may miss 1 because all were rounded to the same 3 or more decimals."""
    for decimals in (3, 4, 5):
        if np.abs(shares - shares.round(decimals)).max(initial=0) < 1e-9:
            return float(min(_MOST_ROUNDING, 0.5 * 10**-decimals * shares.shape[1])) + 1e-9
    return 0.0


def _wrong_sum(runs: Runs, sums: Array, refused: NDArray[np.bool_], where: str) -> str:
    row = int(np.flatnonzero(refused)[0])
    first = f"run {runs.run[row]} has {sums[row]:.6g}"
    advice = "they look like percentages, so divide them by 100" if np.allclose(sums[refused], 100, atol=0.5) else "give the share of every source"
    return f"{where}: shares do not sum to 1 in {counted(int(refused.sum()), 'row')} ({_named(runs, refused)}): {first}; {advice}"


def _known_losses(runs: Runs, where: str) -> tuple[Runs, list[str]]:
    """The rows that have a loss; infinite losses become NaN."""
    losses, notes = runs.losses.copy(), []
    negative = np.asarray(((losses < 0) & np.isfinite(losses)).any(axis=1))
    if negative.any():
        raise MixError(f"{where}: losses below 0 in {counted(int(negative.sum()), 'row')}: {_named(runs, negative)}")
    losses[np.isinf(losses)] = np.nan
    unknown = np.isnan(losses)
    empty = np.asarray(unknown.all(axis=1))
    by_domain = unknown[~empty].sum(axis=0)
    if by_domain.any():
        domains = [f"{name} ({n_missing:,})" for name, n_missing in zip(runs.domains, by_domain.tolist(), strict=True) if n_missing]
        notes.append(f"{where}: losses missing, NaN or infinite, taken as unknown: {listed(domains)}")
    if empty.any():
        notes.append(f"{where}: {counted(int(empty.sum()), 'row')} without any loss dropped: {_named(runs, empty)}")
    if empty.all():
        raise MixError(f"{where}: no row has a loss")
    return replace(runs, losses=losses).take(~empty), notes


def _check_tokenizers(runs: Runs, where: str) -> None:
    """Nats a token depend on the tokenizer, bits per byte do not."""
    for column, (domain, unit) in enumerate(zip(runs.domains, runs.units, strict=True)):
        if unit == "bits per byte":
            continue
        measured = np.isfinite(runs.losses[:, column])
        tokenizers = list(dict.fromkeys(name for name, has_loss in zip(runs.tokenizer, measured, strict=True) if has_loss and name))
        if len(tokenizers) > 1:
            raise MixError(
                f"{where}: {domain}: nats a token of different tokenizers ({listed(tokenizers)}) cannot be compared; give bits per byte, as bits.{domain}"
            )


def _named(runs: Runs, rows: NDArray[np.bool_]) -> str:
    return listed([runs.run[row] for row in np.flatnonzero(rows)])
