import numpy as np
import pytest

from mix.stream import open_mix
from train.plan.rows import rows_of_mix, rows_without_mix
from train.steps import StageRows, Steps


def test_rows_tokens_and_epochs_are_those_that_the_mix_gives(mix):
    opened = open_mix(str(mix))
    rows, read = rows_of_mix(opened, Steps([StageRows("only", 0, opened.row_tokens, 8)], opened.n_rows, 12)), opened.rows(0, 96, 0, 1)
    assert (rows.n_rows, rows.sampled_rows) == (96, 96)
    assert rows.tokens == sum(rows.stages[0].tokens.values()) == int(read.n_tokens.sum()) == int(rows.document_tokens.sum())
    assert np.array_equal(np.sort(rows.document_tokens), np.sort(read.seg_lengths))
    assert rows.padding == pytest.approx(1 - read.n_tokens.mean() / opened.row_tokens)
    for source in opened.plan.sources:
        assert rows.stages[0].epochs[source.name] == rows.stages[0].tokens[source.name] / source.n_tokens


def test_without_a_mix_rows_are_full_and_steps_follow_from_the_tokens():
    rows = rows_without_mix(16, 1000, 2, None)
    assert (rows.n_steps, rows.last_rows, rows.n_rows, rows.tokens) == (32, 1, 63, 1000)
    assert (rows_without_mix(16, 1000, 2, 5).n_steps, rows_without_mix(16, 1000, 2, 5).tokens) == (5, 160)
    assert rows_without_mix(16, 3, 2, None).n_steps == 1


def test_a_last_step_of_fewer_rows_is_part_of_the_data(mix):
    opened = open_mix(str(mix))
    rows = rows_of_mix(opened, Steps([StageRows("only", 0, opened.row_tokens, 50)], opened.n_rows))
    assert (rows.n_rows, rows.tokens, rows.last_rows) == (opened.n_rows, opened.n_tokens, opened.n_rows % 50)
