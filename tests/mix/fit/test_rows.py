"""Rows of a table, seen from one domain."""

from pathlib import Path

import numpy as np

from mix.fit.rows import table_points
from mix.runs.join import read_all
from mix.runs.recipe import RunsRecipe
from tests.mix.fit.tables import write_table


def test_rows_without_the_loss_are_left_out_and_the_last_row_with_it_ends_the_run(tmp_path: Path) -> None:
    shares = {"a": 0.1, "b": 0.5, "a again": 0.1004}
    rows: list[dict[str, object]] = [
        {"run": run, "step": step, "tokens": step * 1000, "share.x": share, "share.y": 1 - share, "loss.x": 2.0 + step, "loss.y": "" if step == 3 else 3.0}
        for run, share in shares.items()
        for step in (1, 2, 3)
    ]
    recipe = RunsRecipe(runs=[write_table(tmp_path / "runs.csv", [*rows, {"run": "base", "step": 0, "loss.x": 9, "loss.y": 9}])])
    table, _ = read_all(recipe)
    points = table_points(table)
    assert points.at.shares[:, 0].tolist() == [0.1, 0.5] and points.at.tokens.tolist() == [3000, 3000]
    x, y = (points.rows_of(name, table, recipe) for name in ("x", "y"))
    assert x.steps.tolist() == [1, 2, 3] * 3 and y.steps.tolist() == [1, 2] * 3
    assert np.flatnonzero(x.is_last).tolist() == [2, 5, 8] and np.flatnonzero(y.is_last).tolist() == [1, 3, 5]
    assert x.ratio.tolist() == x.point.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0] and y.ratio.tolist() == [0, 0, 1, 1, 0, 0]
    assert x.usable(False).tolist() == [2, 5, 8] and len(x.usable(True)) == 9 and x.evidence.base == 9


def test_points_are_told_apart_by_size_and_by_tokens_but_not_by_two_percent(tmp_path: Path) -> None:
    sizes = {"a": (1e8, 1e9), "b": (1.01e8, 1e9), "c": (2e8, 1e9), "d": (1e8, 2e9)}
    rows: list[dict[str, object]] = [
        {"run": run, "tokens": tokens, "n_parameters": size, "share.x": 0.5, "share.y": 0.5, "loss.x": 2.0} for run, (size, tokens) in sizes.items()
    ]
    table, _ = read_all(RunsRecipe(runs=[write_table(tmp_path / "runs.csv", rows)]))
    assert table_points(table).point.tolist() == [0, 0, 1, 2]
