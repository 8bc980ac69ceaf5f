import json

import numpy as np

from mix.laws.catalog import read_law
from mix.laws.d_cpt import DCPT
from mix.laws.d_cpt_pretraining import DCPTPretraining
from tests.mix.laws.evidence import grid, measured

RATIOS = [0.1, 0.33, 0.5, 0.67, 0.9]
TOKENS = [1e9, 3e9, 6e9, 1e10]
PER_PARAMETER = [8.0, 15.0, 31.0, 60.0]
SIZE = 1e9


def at(per_parameter, tokens=TOKENS, ratios=RATIOS):
    return grid([SIZE], tokens, ratios, pretraining=[SIZE * ratio for ratio in per_parameter])


def truth(points):
    share, tokens, before = points.shares[:, 0], points.tokens / 1e9, points.pretraining_tokens / points.parameters
    return 1.2 + 0.8 * before**-0.3 + 0.3 * share**0.3 * before**0.1 * tokens**-0.3 + 0.2 / (share + 0.1) ** 0.5


def test_predicts_a_longer_pre_training_than_any_it_saw():
    evidence = measured(at(PER_PARAMETER), truth, noise=0.002)
    unseen = at([279.0], ratios=[0.2, 0.5, 0.8])
    aware = np.abs(DCPTPretraining().fit(evidence).predict(unseen) - truth(unseen)).mean()
    blind = np.abs(DCPT().fit(evidence).predict(unseen) - truth(unseen)).mean()
    assert aware < 0.02
    assert aware < blind / 5


def test_two_bases_hold_the_exponent_of_pre_training_and_say_so():
    fitted = DCPTPretraining().fit(measured(at([15.0, 31.0]), truth, noise=0.002))
    assert any(text.startswith("kappa: held at 0.3, because 3 different pre-training tokens per parameter") for text in fitted.unidentified)


def test_bases_alike_are_left_to_the_plain_law():
    assert "use d_cpt" in (DCPTPretraining().problem(measured(at([20.0]), truth)) or "")
    assert "use d_cpt" in (DCPTPretraining().problem(measured(grid([SIZE], TOKENS, RATIOS), lambda p: 2 + p.shares[:, 0])) or "")


def test_a_record_of_json_predicts_the_same():
    fitted = DCPTPretraining().fit(measured(at(PER_PARAMETER), truth, noise=0.002))
    np.testing.assert_array_equal(read_law(json.loads(json.dumps(fitted.record()))).predict(at([100.0])), fitted.predict(at([100.0])))
