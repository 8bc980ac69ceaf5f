import csv

import numpy as np
import pytest

from eval.errors import EvalError
from eval.summary.noise import EXACT_DEGREES, known_noise
from shards.record import sealed
from tests.eval.summary.scored import recipe_of


def write_runs(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["run", "step", "seed", "share.law", "bits.law", "bits.web"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_figures_are_taken_as_they_are_stated():
    models = ("base",)
    assert known_noise(recipe_of(models)) == {}
    assert known_noise(recipe_of(models, seed_noise=0.002)) == {"law": (0.002, EXACT_DEGREES), "web": (0.002, EXACT_DEGREES)}
    assert known_noise(recipe_of(models, seed_noise={"law": {"deviation": 0.01, "degrees": 4}})) == {"law": (0.01, 4)}


def test_a_table_of_runs_gives_the_spread_of_the_last_steps_of_runs_that_differ_by_their_seed(tmp_path):
    bits = {"a": [1.0, 1.02, 1.04], "b": [1.5, 1.52]}
    rows = [
        {"run": f"{name}{seed}", "step": step, "seed": seed, "share.law": name, "bits.law": value + (step == 1), "bits.web": ""}
        for name, values in bits.items()
        for seed, value in enumerate(values)
        for step in (1, 2)
    ]
    table = write_runs(tmp_path / "runs.csv", rows)
    noise = known_noise(recipe_of(("base",), seed_noise=table))
    squares = sum(((np.array(values) - np.mean(values)) ** 2).sum() for values in bits.values())
    assert noise.keys() == {"law"} and noise["law"] == pytest.approx(((squares / 3) ** 0.5, 3))
    with pytest.raises(EvalError, match=r"seed_noise: .*runs.csv has no repeats with other seeds on med; it has law"):
        known_noise(recipe_of(("base",), ("med",), seed_noise=table))


def test_an_earlier_evaluation_with_recipes_states_its_noise(tmp_path):
    (tmp_path / "summary.json").write_bytes(sealed({"seed_noise": [{"domain": "web", "deviation": 0.003, "degrees": 4}]}))
    assert known_noise(recipe_of(("base",), seed_noise=tmp_path)) == {"web": (0.003, 4)}
    with pytest.raises(EvalError, match=r"seed_noise: no .*absent; give a number"):
        known_noise(recipe_of(("base",), seed_noise=tmp_path / "absent"))
