import json
import math

import pytest
import yaml
from typer.testing import CliRunner

from mix.build import build
from mix.cli import app
from mix.errors import MixError
from mix.extend import ExtendedMix, extended_at
from mix.recipe import MixRecipe
from mix.reweight.step import LossFiles, reweight
from shards.recipe import load_recipe


@pytest.fixture
def recipe(tmp_path, tokens):
    raw = {
        "name": "m",
        "sources": {name: {"tokens": str(tokens(name, [100] * 20))} for name in ("web", "law")},
        "stages": [{"name": "one", "tokens": 1000, "weights": {"web": 3, "law": {"from": 0, "to": 1}}}],
    }
    (tmp_path / "mix.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    return tmp_path / "mix.yaml"


def losses(tmp_path, name, **by_source):
    (tmp_path / name).write_text(json.dumps(by_source))
    return tmp_path / name


def test_the_next_recipe_has_the_new_weights_and_records_where_they_came_from(tmp_path, recipe):
    now, before = losses(tmp_path, "now.json", web=math.log(12), law=math.log(9)), losses(tmp_path, "before.json", web=math.log(10), law=math.log(10))
    found = reweight(recipe, "syne", LossFiles(now, before))
    new = MixRecipe.model_validate(found.recipe)
    assert found.weights == pytest.approx([0.75, 0.25])  # the shares at the end of the last stage
    assert new.stages[0].weights == pytest.approx({"web": 0.75 * 1.5 / (0.75 * 1.5 + 0.25 * 0.75), "law": 0.25 * 0.75 / (0.75 * 1.5 + 0.25 * 0.75)})
    [entry] = new.history
    assert entry["rule"]["name"] == "syne" and entry["weights"] == pytest.approx([0.75, 0.25]) and entry["losses"] == pytest.approx([math.log(12), math.log(9)])


def test_a_new_stage_leaves_earlier_stages_unchanged_and_the_next_step_continues_from_it(tmp_path, recipe):
    now, before = losses(tmp_path, "now.json", web=2.0, law=3.0), losses(tmp_path, "before.json", web=2.0, law=2.5)
    runner = CliRunner()
    arguments = ["reweight", str(recipe), "--losses", str(now), "--out", str(tmp_path / "next.yaml"), "--tokens", "500"]
    assert runner.invoke(app, [*arguments, "--before", str(before), "--set", "strength=0.2"]).exit_code == 0
    first, new = load_recipe(recipe, MixRecipe), load_recipe(tmp_path / "next.yaml", MixRecipe)
    assert new.stages[:1] == first.stages and new.stages[1].name == "reweighted 1" and new.stages[1].tokens == 500
    later = losses(tmp_path, "later.json", web=2.0, law=2.9)
    again = reweight(tmp_path / "next.yaml", "syne", LossFiles(later), tokens="500")
    assert len(again.recipe["stages"]) == 3 and len(again.recipe["history"]) == 2
    assert again.weights == pytest.approx([new.stages[1].weights["web"], new.stages[1].weights["law"]])


def test_an_extending_recipe_starts_from_the_weights_of_the_kept_rows_and_takes_the_tokens_that_are_left(tmp_path, recipe):
    out = tmp_path / "out"
    loaded = load_recipe(recipe, MixRecipe, (), {"out": out, "row_tokens": 100})
    build(loaded)
    now, before = losses(tmp_path, "now.json", web=2.0, law=3.0), losses(tmp_path, "before.json", web=2.0, law=2.5)
    arguments = ["reweight", str(recipe), "--losses", str(now), "--before", str(before), "--out", str(tmp_path / "next.yaml"), "--extends", str(out)]
    assert CliRunner().invoke(app, [*arguments, "--at-step", "3", "--batch-rows", "2"]).exit_code == 0
    new = load_recipe(tmp_path / "next.yaml", MixRecipe, (), {"out": tmp_path / "next", "row_tokens": 100})
    assert new.extends.mix == out and new.extends.rows == 6
    [stage] = new.stages
    assert (stage.name, stage.tokens, new.history[0]["sources"]) == ("reweighted 1", 400, ["web", "law"])
    assert new.history[0]["weights"] == pytest.approx([1 - 0.6 * 0.25, 0.6 * 0.25])  # the share of law rises from 0 to a quarter
    plan, _ = build(new)
    assert plan.n_rows == 10 and plan.extends.rows == 6 and plan.history == tuple(new.history)
    with pytest.raises(MixError, match="has no tokens after row 10; give the length of the new stage with --tokens"):
        reweight(recipe, "syne", LossFiles(now, before), extended=ExtendedMix(out, 10))
    with pytest.raises(MixError, match="need --extends MIX"):
        extended_at(None, 5, None, None, None)


def test_unknown_rules_and_options_are_refused(tmp_path, recipe):
    now = losses(tmp_path, "now.json", web=2.0, law=3.0)
    with pytest.raises(MixError, match="no rule best; the rules are syne, doremi, odm"):
        reweight(recipe, "best", LossFiles(now))
    with pytest.raises(Exception, match="did you mean strength"):
        reweight(recipe, "syne", LossFiles(now), options=["strenght=1"])


def test_both_sides_of_a_step_may_come_from_one_table_of_runs(tmp_path, recipe):
    (tmp_path / "runs.csv").write_text("run,step,share.web,share.law,loss.web,loss.law\nbase,0,,,2.5,4.0\na,20,0.9,0.1,2.4,3.5\n")
    table = ["--losses", str(tmp_path / "runs.csv"), "--model", "a", "--before", str(tmp_path / "runs.csv"), "--before-model", "base"]
    done = CliRunner().invoke(app, ["reweight", str(recipe), *table, "--out", str(tmp_path / "next.yaml")])
    assert done.exit_code == 0, done.output
    [entry] = load_recipe(tmp_path / "next.yaml", MixRecipe).history
    assert entry["losses"] == [2.4, 3.5] and entry["before"] == [2.5, 4.0]
