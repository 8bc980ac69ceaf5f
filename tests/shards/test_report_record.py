import re

import pytest

from shards.errors import ShardError
from shards.record import check_values
from shards.report_record import ReportRecord
from tests.eval.synthetic import curate_report


def test_a_whole_report_passes_with_keys_that_are_not_checked():
    check_values(curate_report("x") | {"asked": 1}, ReportRecord, "report.json")


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"counts": {}}, "counts.read: missing"),
        ({"hosts": -1}, "hosts: Input should be greater than or equal to 0"),
        ({"rules": []}, "rules: keep of the funnel is missing"),
        ({"histograms": [{"rule": "s/r", "drop_if": "<", "threshold": 1, "edges": [0, 1], "documents": []}]}, "s/r: 0 counts for 2 edges in order"),
        ({"histograms": [{"rule": "s/r", "drop_if": "<", "threshold": 1, "edges": [1, 0], "documents": [3]}]}, "s/r: 1 counts for 2 edges in order"),
    ],
)
def test_the_key_at_fault_is_named(changes, problem):
    with pytest.raises(ShardError, match=re.escape(problem)):
        check_values(curate_report("x") | changes, ReportRecord, "report.json")
