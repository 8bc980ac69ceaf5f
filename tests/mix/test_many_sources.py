"""What a mix of many sources costs: work by source is counted, so that it grows with their number and not with its square."""

import numpy as np
import pyarrow as pa
import pytest

from mix.arrange import ArrangedSource
from mix.build import build, preview
from mix.draws import Draws
from mix.recipe import MixRecipe
from mix.stream import open_mix
from shards.read import ShardSet
from shards.schemas import DOC_ID
from shards.write import write_set


def recipe(tmp_path, tokens, n: int) -> MixRecipe:
    names = [f"s{number}" for number in range(n)]
    folders = {name: tokens(name, np.random.default_rng(number).integers(1, 60, 8), seed=number) for number, name in enumerate(names)}
    sources = {name: {"tokens": folder, "max_epochs": 4} for name, folder in folders.items()}
    weights = {name: 1 + number % 3 for number, name in enumerate(names)}
    return MixRecipe.model_validate({"name": "m", "row_tokens": 64, "sources": sources, "tokens": 100 * n, "weights": weights, "out": tmp_path / f"mix{n}"})


@pytest.mark.parametrize("n", [8, 64])
def test_planning_and_opening_ask_each_source_a_few_times(tmp_path, tokens, monkeypatch, n):
    asked = []
    real = Draws.tokens
    monkeypatch.setattr(Draws, "tokens", lambda self, rows: asked.append(1) or real(self, rows))
    made = recipe(tmp_path, tokens, n)
    shown = preview(made)
    assert len(asked) <= 3 * n
    assert build(made)[1] == shown and len(asked) <= 6 * n
    mix = open_mix(made.out)
    batch = mix.rows(0, mix.n_rows)
    assert len(asked) <= 9 * n and int(batch.n_tokens.sum()) == mix.n_tokens


def test_a_split_verifies_its_sets_once_for_all_groups(tmp_path, tokens, monkeypatch):
    folder = tokens("a", np.full(60, 9))
    ids = ShardSet(folder).to_table()["doc_id"].to_pylist()
    table = pa.table({"id": pa.array(ids, DOC_ID), "text": ["x"] * 60, "topic": list(range(30)) * 2})
    write_set(tmp_path / "documents", "documents", table.schema, table.to_batches())
    source = {"tokens": folder, "documents": tmp_path / "documents", "split": "topic"}
    verified = []
    real = ArrangedSource.verify_all
    monkeypatch.setattr(ArrangedSource, "verify_all", lambda self: verified.append(self.name) or real(self))
    build(MixRecipe.model_validate({"name": "m", "row_tokens": 64, "sources": {"a": source}, "tokens": 200, "weights": {"a": 1}, "out": tmp_path / "mix"}))
    assert len(verified) == 1
