import re
from pathlib import Path

import pytest
import yaml

from mix.recipe import MixRecipe
from mix.stages import SourceSize, plan_stages
from shards.record import sealed

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "mix.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_recipe_in_the_documentation_can_be_planned(tmp_path, monkeypatch, block):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "curated" / "web").mkdir(parents=True)
    (tmp_path / "curated" / "web" / "rehydration.json").write_bytes(sealed({"weights": {"1": 1, "3": 2}}))
    raw = {"name": "page"} | yaml.safe_load(block)
    if not {"stages", "tokens", "weights"} & raw.keys():  # a block that shows sources alone
        raw |= {"tokens": 1000, "weights": dict.fromkeys(raw["sources"], 1)}
    stages = raw.get("stages", [raw])
    raw.setdefault("sources", {name: {"tokens": name} for stage in stages for name in stage["weights"]})
    recipe = MixRecipe.model_validate(raw)
    found = plan_stages(recipe.stages, [SourceSize(name, name, 10**9) for name in recipe.sources], recipe.row_tokens)
    assert found.shares.begin.sum(axis=1) == pytest.approx(1)
    assert {name for stage in recipe.stages for name in stage.weights} == set(recipe.sources)
