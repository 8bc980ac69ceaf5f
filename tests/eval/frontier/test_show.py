from eval.frontier.show import change_words, cost_words, front_rows, runs_words, suggestion_words

POINT = {"name": "r", "of": "recipe", "members": ["a", "b"], "run": None, "step": None, "cost": {"tokens": 1200, "seconds": 3.14159, "gpu_hours": None}}
CHANGES = {"law": {"delta": -0.12345, "low": -0.13, "high": -0.11}, "web": {"delta": 0.01, "low": None, "high": None}}


def test_a_front_is_a_table_with_the_costs_that_are_known():
    other = POINT | {"name": "s", "of": "checkpoint", "step": 20, "changes": CHANGES}
    standing = {"point": "r", "status": "front", "dominated_by": [], "surely_by": [], "front_share": 0.953}
    worse = {"point": "s", "status": "surely dominated", "dominated_by": ["r", "t"], "surely_by": ["r"], "front_share": None}
    content = {"baseline": {"name": "start"}, "points": [other, POINT | {"changes": CHANGES}]}
    base = {"status": "front", "dominated_by": [], "surely_by": [], "front_share": 1.0}
    header, rows = front_rows(content, {"gain": "law", "retain": "web", "base": base, "standings": [worse, standing]}, digits=3)
    assert header == ["point", "runs", "law", "web", "tokens", "seconds", "front", "in resamples", "dominated by"]
    assert rows == [
        ["r", "2 seeds", "−0.123 [−0.130, −0.110]", "+0.010", "1,200", "3.14", "front", "95%", ""],
        ["start", "base", "0", "0", "", "", "front", "100%", ""],
        ["s", "step 20", "−0.123 [−0.130, −0.110]", "+0.010", "1,200", "3.14", "surely dominated", "", "r"],
    ]


def test_words_for_changes_runs_costs_and_suggestions():
    assert change_words(CHANGES["web"]) == "+0.0100"
    assert runs_words(POINT | {"of": "checkpoint"}) == "1"
    assert cost_words({"gpu_hours": 123.4}, "gpu_hours") == "123" and cost_words({"gpu_hours": None}, "gpu_hours") == ""
    content = {"suggestions": [{"name": "mine", "changes": CHANGES}]}
    front = {"gain": "law", "retain": "web", "suggestions": [{"suggestion": "mine", "beaten_by": [], "beats": ["s"]}]}
    (sentence,) = suggestion_words(content, front)
    assert sentence.endswith("on law and +0.0100 on web: nothing measured is better on both, and s worse on both.")
