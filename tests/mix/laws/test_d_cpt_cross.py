import json
from dataclasses import replace

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.catalog import read_law
from mix.laws.d_cpt_cross import OTHERS_NOTE, DCPTCross, Learnability
from tests.mix.laws.evidence import grid, measured

RATIOS = [0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 1]
TOKENS = [5e8, 1e9, 2e9, 4e9, 8e9]
BASES = {"code": 1.4, "law": 2.2, "music": 1.8, "chemistry": 2.6, "maths": 2.0}


def shape(points):
    """What all domains share, at most 0.62 in the first evaluation at share 1."""
    share, tokens = points.shares[:, 0], points.tokens / 1e9
    return 0.15 * share**0.3 * tokens**-0.3 + 0.2 / (share + 0.1) ** 0.3


def level(base):
    """A floor that rises with the domain's initial loss as F/K^mu does: the decline is the same function of it for all."""
    return base * 0.8


def evidence_of(base, *, noise=0.0, seed=0, ratios=RATIOS, tokens=TOKENS):
    points = grid([1e9], tokens, ratios)
    return replace(measured(points, lambda at: level(base) + shape(at), noise=noise, seed=seed), base=base + 0.3)


def with_others(name, evidence, *, noise=0.002):
    """The evidence of one domain beside that of all others."""
    others = tuple(evidence_of(base, noise=noise, seed=i) for i, (other, base) in enumerate(BASES.items()) if other != name)
    return replace(evidence, others=others)


def test_a_domain_with_few_runs_is_predicted_from_the_others():
    full = evidence_of(BASES["music"])
    few = evidence_of(BASES["music"], ratios=[0.2, 1.0], tokens=[5e8, 1e9], noise=0.002, seed=9)
    fitted = DCPTCross().fit(with_others("music", few))
    assert np.abs(fitted.predict(full.points) - full.losses).mean() < 0.02
    assert fitted.n_free == 1
    assert OTHERS_NOTE in fitted.warnings


def test_a_domain_is_predicted_from_its_learnability_alone():
    full = evidence_of(BASES["music"])
    known = replace(
        evidence_of(BASES["code"], noise=0.002), others=tuple(evidence_of(BASES[name], noise=0.002, seed=2) for name in ("law", "chemistry", "maths"))
    )
    fitted = DCPTCross().fit(known)
    alone = DCPTCross().for_domain(fitted, known, Learnability.of(full), "a")
    error = np.abs(alone.predict(full.points) - full.losses).mean()
    assert error < 0.05
    assert error < np.abs(fitted.predict(full.points) - full.losses).mean() / 4


def test_learnability_is_read_off_the_first_evaluation_at_the_largest_share():
    evidence = evidence_of(2.0)
    first = float(shape(grid([1e9], [5e8], [1.0]))[0]) + level(2.0)
    assert Learnability.of(evidence) == Learnability(2.3, pytest.approx((2.3 - first) / 0.5))


def test_two_domains_cannot_tell_exponent_and_weight():
    evidence = replace(evidence_of(1.4, noise=0.002), others=(evidence_of(2.2, noise=0.002, seed=1),))
    fitted = DCPTCross().fit(evidence)
    assert np.abs(fitted.predict(evidence.points) - evidence.losses).mean() < 0.005
    for name in ("mu", "weight"):
        assert any(text.startswith((f"{name}: its 95% interval covers all", f"{name} is at its")) for text in (*fitted.unidentified, *fitted.warnings))


def test_what_is_held_out_of_the_domain_is_held_out_of_the_others():
    evidence = with_others("music", evidence_of(BASES["music"]))
    kept = evidence.take(np.abs(evidence.points.shares[:, 0] - 0.5) > 1e-6)
    assert all(np.abs(other.points.shares[:, 0] - 0.5).min() > 1e-6 and len(other) == len(kept) for other in kept.others)
    assert all(len(other) == len(evidence) for other in evidence.take(np.arange(len(evidence))).others)


def test_a_start_gives_the_same_fit_as_many_starts():
    evidence = with_others("music", evidence_of(BASES["music"], noise=0.002))
    cold = DCPTCross().fit(evidence)
    warm = DCPTCross().fit(evidence, start=cold)
    np.testing.assert_allclose(warm.predict(evidence.points), cold.predict(evidence.points), atol=1e-3)
    assert (warm.warnings, warm.n_free) == (cold.warnings, cold.n_free)


def test_a_record_of_json_predicts_the_same_and_the_same_seed_gives_it_again():
    evidence = with_others("music", evidence_of(BASES["music"]))
    fitted = DCPTCross().fit(evidence, seed=1)
    points = grid([1e9], TOKENS, RATIOS)
    np.testing.assert_array_equal(read_law(json.loads(json.dumps(fitted.record()))).predict(points), fitted.predict(points))
    assert DCPTCross().fit(evidence, seed=1).record() == fitted.record()
    with pytest.raises(MixError, match="not a fit of d_cpt_cross"):
        read_law({"law": "d_cpt_cross"})


def test_others_that_lack_something_are_not_used():
    evidence = replace(evidence_of(1.4), others=(evidence_of(2.2), replace(evidence_of(1.8), base=None), replace(evidence_of(1.9), source=None)))
    assert DCPTCross().fit(evidence).record() == DCPTCross().fit(replace(evidence, others=evidence.others[:1])).record()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: replace(e, others=()), "needs another domain to share parameters with; there is none"),
        (lambda e: replace(e, others=tuple(replace(o, base=None) for o in e.others)), "others lack the loss of the base model"),
        (lambda e: replace(e, source=None), "needs the source of the domain's text"),
        (lambda e: replace(e, base=None), "needs the loss of the base model"),
        (lambda e: replace(e, base=1.0), "needs a loss that falls by its first evaluation"),
        (lambda e: replace(e, others=tuple(o.take(o.points.tokens > 6e8) for o in e.others)), "equally many tokens; they come after 5e[+]08 to 1e[+]09"),
    ],
)
def test_says_why_it_cannot_be_fitted(change, words):
    with pytest.raises(MixError, match=words):
        DCPTCross().fit(change(with_others("music", evidence_of(BASES["music"]))))
