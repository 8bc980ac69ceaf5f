import json
from dataclasses import replace

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.catalog import LAWS_ACROSS, read_law
from mix.laws.d_cpt_cross import DCPTCross, Learnability
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


def all_domains(noise=0.002, without=()):
    return {name: evidence_of(base, noise=noise, seed=i) for i, (name, base) in enumerate(BASES.items()) if name not in without}


def test_a_domain_with_few_runs_is_predicted_from_the_others():
    full = evidence_of(BASES["music"])
    few = evidence_of(BASES["music"], ratios=[0.2, 1.0], tokens=[5e8, 1e9], noise=0.002, seed=9)
    fitted = DCPTCross().fit(all_domains(without=("music",)) | {"music": few})["music"]
    assert np.abs(fitted.predict(full.points) - full.losses).mean() < 0.02


def test_a_domain_is_predicted_from_its_learnability_alone():
    others, full = all_domains(without=("music",)), evidence_of(BASES["music"])
    fitted = DCPTCross().fit(others)
    alone = DCPTCross().for_domain(fitted, others, Learnability.of(full), "a")
    error = np.abs(alone.predict(full.points) - full.losses).mean()
    borrowed = np.mean([np.abs(law.predict(full.points) - full.losses).mean() for law in fitted.values()])
    assert error < 0.05
    assert error < borrowed / 4


def test_learnability_is_read_off_the_first_evaluation_at_the_largest_share():
    evidence = evidence_of(2.0)
    first = float(shape(grid([1e9], [5e8], [1.0]))[0]) + level(2.0)
    assert Learnability.of(evidence) == Learnability(2.3, pytest.approx((2.3 - first) / 0.5))


def test_two_domains_cannot_tell_exponent_and_weight():
    fitted = DCPTCross().fit({name: all_domains()[name] for name in ("code", "law")})["law"]
    assert any(text.startswith("mu: held at 1, because 3 different domains") for text in fitted.unidentified)
    assert any(text.startswith("weight: held at 1") for text in fitted.unidentified)


def test_a_record_of_json_predicts_the_same_and_the_same_seed_gives_it_again():
    fitted = DCPTCross().fit(all_domains(), seed=1)
    points = grid([1e9], TOKENS, RATIOS)
    for law in fitted.values():
        read = read_law(json.loads(json.dumps(law.record())))
        np.testing.assert_array_equal(read.predict(points), law.predict(points))
    assert [law.record() for law in DCPTCross().fit(all_domains(), seed=1).values()] == [law.record() for law in fitted.values()]
    with pytest.raises(MixError, match="not a fit of d_cpt_cross"):
        LAWS_ACROSS["d_cpt_cross"].read({"law": "d_cpt_cross"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: {"code": e["code"]}, "needs two domains or more; there are 1"),
        (lambda e: e | {"law": replace(e["law"], source=None)}, "none is named for law"),
        (lambda e: e | {"law": replace(e["law"], base=None)}, "law has none"),
        (lambda e: e | {"law": replace(e["law"], base=1.0)}, "that of law does not by its first evaluation"),
        (lambda e: e | {"law": e["law"].take(e["law"].points.tokens > 6e8)}, "equally many tokens; they are at code 5e[+]08, law 1e[+]09"),
    ],
)
def test_says_why_it_cannot_be_fitted(change, words):
    with pytest.raises(MixError, match=words):
        DCPTCross().fit(change(all_domains()))
