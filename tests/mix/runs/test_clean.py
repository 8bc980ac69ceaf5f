import math

import numpy as np
import pytest

from mix.errors import MixError
from mix.runs.read import table_of


def table(shares, losses=None, unit="bits", **columns):
    """`shares` are rows of the sources a, b, …; `losses` are of the domain a."""
    names = "abcdef"[: len(shares[0])]
    columns.setdefault("run", [f"r{i}" for i in range(len(shares))])
    of_source = {f"share.{name}": [row[i] for row in shares] for i, name in enumerate(names)}
    return table_of({**columns, **of_source, f"{unit}.a": losses or [1.0 + i for i in range(len(shares))]}, "t.csv")


def refused(*args, **columns):
    with pytest.raises(MixError) as caught:
        table(*args, **columns)
    assert str(caught.value).startswith("t.csv: ") and "\n" not in str(caught.value)
    return str(caught.value)


def test_equal_rows_are_dropped_and_counted():
    runs, notes = table([[1], [1], [1]], [2.0, 2.0, 2.0], run=["x", "x", "x"], step=[5, 5, 5])
    assert len(runs) == 1 and notes == ["t.csv: 2 duplicate rows dropped"]


def test_rows_of_one_run_and_step_with_other_losses_are_refused():
    message = refused([[1], [1]], [2.0, 2.1], run=["x", "x"], step=[5, 5])
    assert "run x has two rows at step 5 (rows 1 and 2) that differ in the loss of a; keep one" in message
    assert "an unknown step" in refused([[1], [1]], [2.0, 2.1], run=["x", "x"])
    assert "differ in tokens" in refused([[1], [1]], [2.0, 2.0], run=["x", "x"], step=[5, 5], tokens=[1e6, 2e6])


def test_rows_that_know_different_losses_of_a_run_are_joined():
    runs, notes = table([[1], [1]], [2.0, None], run=["x", "x"], step=[5, 5], **{"bits.b": [None, 3.0]})
    assert len(runs) == 1 and dict(zip(runs.domains, runs.losses[0].tolist(), strict=True)) == {"a": 2.0, "b": 3.0}
    assert notes[-1] == "t.csv: 1 row joined with another row of the same run and step, which lacked their values: x"


def test_losses_that_are_not_finite_are_unknown_and_rows_without_any_go():
    losses = [math.nan, math.inf, "NaN", "", 2.0, -math.inf]
    runs, notes = table([[1]] * 6, losses, **{"bits.b": [1.0, None, None, None, 1.0, 1.0]})
    assert runs.run == ("r0", "r4", "r5")
    assert np.isnan(runs.losses[[0, 2], runs.domains.index("a")]).all()
    assert notes == ["t.csv: losses missing, NaN or infinite, taken as unknown: a (2)", "t.csv: 3 rows without any loss dropped: r1, r2, r3"]
    assert refused([[1]], [None]) == "t.csv: no row has a loss"


@pytest.mark.parametrize(("sum_of_row", "told"), [(1 + 1e-8, False), (1 + 9e-5, True), (1 - 9e-4, True)])
def test_shares_that_nearly_sum_to_1_are_divided_by_their_sum(sum_of_row, told):
    runs, notes = table([[0.3123456, sum_of_row - 0.3123456], [0.25, 0.75]])
    assert runs.shares.sum(axis=1) == pytest.approx([1, 1], abs=1e-15)
    assert bool(notes) == told and all("shares of 1 row divided by their sum" in note for note in notes)


def test_shares_that_do_not_sum_to_1_are_refused_with_the_runs():
    message = refused([[0.5, 0.4], [0.5, 0.5], [0.7, 0.4]])
    assert "shares do not sum to 1 in 2 rows (r0, r2): run r0 has 0.9; give the share of every source" in message
    assert "look like percentages, so divide them by 100" in refused([[50, 50], [70, 30]])
    assert "negative or infinite in 1 row: r1" in refused([[0.5, 0.5], [1.5, -0.5]])
    assert "1 row without shares: r1; give their shares, or kind base" in refused([[0.5, 0.5], [None, None]])


def test_shares_rounded_to_three_decimals_may_miss_1_by_their_rounding():
    runs, notes = table([[0.333, 0.333, 0.111, 0.111, 0.11]])  # .998
    assert runs.shares.sum() == pytest.approx(1, abs=1e-15) and "divided by their sum" in notes[0]
    refused([[0.333, 0.333, 0.111, 0.111, 0.10]])  # .988
    refused([[0.3331, 0.3331, 0.111, 0.111, 0.10]])


def test_empty_share_cells_are_0_beside_others():
    assert table([[1, None], [0.5, 0.5]])[0].shares.tolist() == [[1, 0], [0.5, 0.5]]


def test_nats_a_token_of_several_tokenizers_are_refused_and_bits_per_byte_are_not():
    message = refused([[1], [1]], unit="loss", tokenizer=["gpt2", "llama"])
    assert "a: nats a token of different tokenizers (gpt2, llama) cannot be compared; give bits per byte, as bits.a" in message
    assert len(table([[1], [1]], unit="bits", tokenizer=["gpt2", "llama"])[0]) == 2
    assert len(table([[1], [1]], unit="loss", tokenizer=["gpt2", ""])[0]) == 2
    assert len(table([[1], [1], [1]], [2.0, 2.1, None], unit="loss", tokenizer=["gpt2", "gpt2", "llama"], **{"bits.b": [1, 1, 1]})[0]) == 3


def test_impossible_numbers_are_refused():
    assert "losses below 0 in 1 row: r1" in refused([[1], [1]], [1.0, -0.1])
    assert "tokens is negative or infinite in 1 row: r0" in refused([[1]], tokens=[-5])
    assert table([[1]], seed=[-1])[0].number("seed").tolist() == [-1]
