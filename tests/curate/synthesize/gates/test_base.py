import pytest

from curate.errors import CurateError
from curate.synthesize.recipe import SynthesizeRecipe, prepare_task
from shards.recipe import load_run_recipe
from tests.curate.synthesize.gates.candidates import made


@pytest.mark.parametrize(
    "gate, told",
    [
        ({"kind": "consistent"}, "gate consistent: items have no field 'answer'; their fields: text"),
        ({"kind": "supported", "embedder": "/no/such/model"}, "not a model folder"),
        ({"kind": "classifier", "model": "/no/such/model", "label": "good"}, "no such file or folder"),
        ({"kind": "language", "model": "/no/such/model"}, "no such file"),
    ],
)
def test_what_a_gate_lacks_is_told_before_anything_is_asked(tmp_path, gate, told):
    loaded, _ = load_run_recipe(made(tmp_path, gate, parser={"kind": "text"}, output={"template": "{{ item.text }}"}), SynthesizeRecipe)
    with pytest.raises(CurateError, match=told):
        prepare_task(loaded)
