import pytest
from pydantic import ValidationError

from train.rope.recipe import RopeRecipe


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "yarn", "factor": 0.5}, "greater than or equal to 1"),
        ({"kind": "dynamic", "factor": 2}, "'yarn', 'linear', 'ntk' or 'llama3'"),
        ({"kind": "linear", "factor": 2, "beta_fast": 16}, "beta_fast: only for kind yarn, not for linear"),
        ({"kind": "yarn", "factor": 2, "low_freq_factor": 2}, "low_freq_factor: only for kind llama3, not for yarn"),
        ({"kind": "yarn", "factor": 2, "beta_slow": 40}, "beta_fast 32 must be above beta_slow 40"),
        ({"kind": "llama3", "factor": 2, "high_freq_factor": 1}, "high_freq_factor 1 must be above low_freq_factor 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        RopeRecipe(**settings)
