import json

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.catalog import law_named, read_law
from mix.laws.d_cpt import DCPT, STEPS_NOTE
from mix.laws.law import Points
from mix.laws.terms import columns_of
from tests.mix.laws.evidence import Array, grid, measured

SIZES = [0.5e9, 1.8e9, 4e9]
TOKENS = np.linspace(0.5e9, 10e9, 8).tolist()
RATIOS = [0, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1]


def published_form(points: Points) -> Array:
    """A D-CPT law whose loss falls with size, tokens and share."""
    share = points.shares[:, 0]
    size, tokens = points.parameters / 1e9, points.tokens / 1e9
    return 1.5 + 0.3 * size**-0.3 + 0.05 * share**0.6 * tokens**-0.25 + 0.25 / (share + 0.1) ** 0.4


def test_predicts_an_unseen_size_more_tokens_and_unseen_ratios():
    fitted = DCPT().fit(measured(grid(SIZES, TOKENS, RATIOS), published_form, noise=0.004))
    unseen = grid([7e9], [3e9, 20e9], [0.05, 0.3, 0.75, 0.97])
    assert np.abs(fitted.predict(unseen) - published_form(unseen)).max() < 0.004


def test_is_exact_where_the_form_is_right_and_there_is_no_noise():
    fitted = DCPT().fit(measured(grid(SIZES, TOKENS, RATIOS), published_form))
    unseen = grid([7e9], [20e9], [0.05, 0.3, 0.75])
    np.testing.assert_allclose(fitted.predict(unseen), published_form(unseen), atol=1e-6)
    assert not fitted.unidentified


def test_one_wild_loss_does_not_move_the_curve():
    evidence = measured(grid([1e9], [5e9], np.linspace(0, 1, 15).tolist()), published_form, noise=0.001)
    spoilt = evidence.losses.copy()
    spoilt[7] += 0.5
    clean, robust = DCPT().fit(evidence), DCPT().fit(evidence.with_losses(spoilt))
    np.testing.assert_allclose(robust.predict(evidence.points), clean.predict(evidence.points), atol=0.003)


def test_leaves_out_size_and_tokens_that_never_change_and_names_them():
    evidence = measured(grid([1e9], [5e9], [0, 0.1, 0.25, 0.5, 0.75, 1]), published_form)
    fitted = DCPT().fit(evidence)
    assert {"E", "C", "gamma", "epsilon"} == set(fitted.values)
    assert fitted.n_free == 4
    assert any(text.startswith("A, alpha: all rows have the same model sizes") for text in fitted.unidentified)
    assert any(text.startswith("B, eta, beta: all rows have the same numbers of tokens") for text in fitted.unidentified)
    np.testing.assert_allclose(fitted.predict(evidence.points), evidence.losses, atol=0.002)


def test_predicts_without_numbers_that_no_row_had():
    points = Points.of_shares(("a", "b"), np.column_stack([np.linspace(0, 1, 7), np.linspace(1, 0, 7)]))
    fitted = DCPT().fit(measured(points, lambda at: 2 + 0.2 / (at.shares[:, 0] + 0.2)))
    assert any("no row says model sizes" in text for text in fitted.unidentified)
    assert np.isfinite(fitted.predict(points)).all()


def test_a_point_without_a_number_that_the_fit_uses_has_no_prediction():
    fitted = DCPT().fit(measured(grid(SIZES, TOKENS, RATIOS), published_form))
    assert np.isnan(fitted.predict(Points.of_shares(("a", "b"), np.array([[0.5, 0.5]]), tokens=1e9))).all()


def test_holds_exponents_that_two_values_cannot_tell():
    fitted = DCPT().fit(measured(grid([1e9, 2e9], [5e9], RATIOS), published_form))
    assert fitted.values["alpha"] == 0.34
    assert any(text.startswith("alpha: held at 0.34") for text in fitted.unidentified)


def test_reports_a_loss_that_rises_with_its_own_share():
    def rising(points: Points) -> Array:
        return 2 + 0.5 * points.shares[:, 0] ** 0.5 * (points.tokens / 1e9) ** -0.2 + 0.01 / (points.shares[:, 0] + 0.1)

    points = grid([1e9], TOKENS, RATIOS)
    assert any("rises with the share" in text for text in DCPT().fit(measured(points, rising)).warnings)
    assert not any("rises with the share" in text for text in DCPT().fit(measured(points, lambda at: published_form(at) - 0.04 * at.shares[:, 0])).warnings)


def test_warns_of_extrapolating_steps_where_tokens_are_fitted():
    assert STEPS_NOTE in DCPT().fit(measured(grid([1e9], TOKENS, RATIOS), published_form)).warnings
    assert STEPS_NOTE not in DCPT().fit(measured(grid(SIZES, [5e9], RATIOS), published_form)).warnings


def test_a_start_gives_the_same_fit_as_many_starts():
    evidence = measured(grid(SIZES, TOKENS, RATIOS), published_form, noise=0.003)
    other = measured(grid(SIZES, TOKENS, RATIOS), published_form, noise=0.003, seed=1)
    cold = DCPT().fit(other)
    np.testing.assert_allclose(DCPT().fit(other, start=DCPT().fit(evidence)).predict(evidence.points), cold.predict(evidence.points), atol=3e-4)


def test_the_share_is_found_by_name_whatever_the_order_of_sources():
    fitted = DCPT().fit(measured(grid([1e9], [5e9], RATIOS), published_form))
    straight = Points.of_shares(("a", "b"), np.array([[0.3, 0.7]]))
    turned = Points.of_shares(("b", "a"), np.array([[0.7, 0.3]]))
    assert fitted.predict(straight) == fitted.predict(turned)


def test_a_record_of_json_predicts_the_same():
    fitted = DCPT().fit(measured(grid(SIZES, TOKENS, RATIOS), published_form, noise=0.003))
    read = read_law(json.loads(json.dumps(fitted.record())))
    points = grid(SIZES, [1e9], RATIOS)
    np.testing.assert_array_equal(read.predict(points), fitted.predict(points))
    assert (read.n_free, read.unidentified, read.warnings) == (fitted.n_free, fitted.unidentified, fitted.warnings)


def test_the_same_evidence_and_seed_give_the_same_fit():
    evidence = measured(grid([1e9], TOKENS, RATIOS), published_form, noise=0.01)
    assert DCPT().fit(evidence, seed=3).record() == DCPT().fit(evidence, seed=3).record()


def test_refuses_a_record_of_another_law():
    record = DCPT().fit(measured(grid([1e9], [5e9], RATIOS), published_form)).record()
    with pytest.raises(MixError, match="not a fit of d_cpt but of other"):
        law_named("d_cpt").read(record | {"law": "other"})
    with pytest.raises(MixError, match="not a fit of d_cpt"):
        law_named("d_cpt").read({"law": "d_cpt"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: measured(e.points, published_form, source=None), "no source is named"),
        (lambda e: e.with_losses(np.where(np.arange(len(e)) == 1, np.nan, e.losses)), "losses above 0"),
        (lambda e: e.take(np.array([0, 0, 0, 0, 0, 0, 0])), "all rows here are alike"),
        (lambda e: e.take(np.array([0, 4, 8, 0, 4, 8])), "at least 4 different points; there are 3"),
    ],
)
def test_says_why_it_cannot_be_fitted(change, words):
    evidence = change(measured(grid([1e9], [5e9], RATIOS), published_form))
    assert words in (DCPT().problem(evidence) or "")
    with pytest.raises(MixError, match=words):
        DCPT().fit(evidence)


def test_refuses_rows_of_which_some_lack_the_size():
    points = grid([1e9, 2e9], [5e9], RATIOS)
    evidence = measured(points, published_form)
    points.parameters[3] = np.nan
    assert "1 of 18 rows lack them" in (DCPT().problem(evidence) or "")


def test_tokens_that_differ_by_packing_alone_are_one_number():
    points = grid([1e9], [1e9], np.linspace(0, 1, 12).tolist())
    points.tokens[:] *= 1 + np.linspace(0, 0.006, 12)
    fitted = DCPT().fit(measured(points, published_form))
    assert "B" not in fitted.values
    assert any(text.startswith("B, eta, beta: all rows have the same numbers of tokens") for text in fitted.unidentified)


def test_rows_before_training_are_left_out_and_reported():
    points = grid([1e9], [0.0, *TOKENS], RATIOS)
    trained = grid([1e9], TOKENS, RATIOS)
    losses = np.concatenate([np.full(len(RATIOS), 9.0), published_form(trained)])
    fitted = DCPT().fit(measured(points, lambda at: losses))
    np.testing.assert_allclose(fitted.predict(trained), published_form(trained), atol=1e-6)
    assert any(text.startswith("9 rows at 0 tokens were left out") for text in fitted.warnings)
    assert np.isnan(fitted.predict(points)[: len(RATIOS)]).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_columns_have_the_derivatives_that_they_state(seed):
    law, points = DCPT(), grid([1e9, 3e9], TOKENS, RATIOS)
    scales = {"parameters": 2e9, "tokens": 3e9}
    columns = columns_of(law.terms(points, "a", scales), law.parameters, {})
    random = np.random.default_rng(seed)
    theta = np.array([random.uniform(p.searched(p.lower), p.searched(p.upper)) * 0.4 for p in law.parameters.values()])
    for k in range(len(theta)):
        step = np.zeros(len(theta))
        step[k] = 1e-6
        around = (columns(theta + step)[0] - columns(theta - step)[0]) / 2e-6
        np.testing.assert_allclose(columns(theta)[1][k], around, rtol=1e-5, atol=1e-5)
