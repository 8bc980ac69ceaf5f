from curate.report.build import _present


def test_a_rule_that_the_order_lacks_is_reported_last() -> None:
    assert _present({"read\tread/new": [1, 9], "rules\tb/x": [1, 9]}, [("rules", "b/x"), ("rules", "b/y")]) == [("rules", "b/x"), ("read", "read/new")]
