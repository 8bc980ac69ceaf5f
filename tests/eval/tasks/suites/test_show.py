import math

import pytest

from eval.errors import EvalError
from eval.tasks.suites.show import content_rows, detectable_accuracy, suite_facts, suite_rows
from eval.tasks.suites.table import SUITES
from tests.eval.tasks.suites import published


def test_every_suite_says_what_it_measures_reads_and_how_to_get_it():
    assert [row[0] for row in suite_rows(500)[1]] == list(SUITES)
    for name in SUITES:
        assert all(suite_facts(name).values())
    with pytest.raises(EvalError, match="did you mean lambada"):
        suite_facts("lambda")


def test_the_smallest_change_falls_with_the_root_of_the_items():
    assert detectable_accuracy(500) == pytest.approx(2.8016 * math.sqrt(0.5 / 500), rel=1e-4)
    assert detectable_accuracy(2000) == pytest.approx(detectable_accuracy(500) / 2) and detectable_accuracy(1) == 1


def test_the_tasks_at_a_path_are_counted(tmp_path):
    published.jsonl(tmp_path / "valid.jsonl", [published.PIQA] * 3)
    assert content_rows("piqa", tmp_path)[1] == [["piqa", "3", "0", "acc_norm"]]
