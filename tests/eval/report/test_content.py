from eval.report.content import mix
from tests.eval import synthetic


def test_the_seen_share_is_that_of_targets_over_all_steps():
    steps = synthetic.metrics({"domain": 0.7, "general": 0.3}, {"domain": 2.0, "general": 3.0}, n_steps=20)
    counts = {name: sum(step["tokens_by_source"][name] for step in steps) for name in ("domain", "general")}
    found = mix("replay", synthetic.preview({"domain": 0.7, "general": 0.3}), steps)
    assert [source["seen"] for source in found["sources"]] == [counts[name] / sum(counts.values()) for name in ("domain", "general")]
    assert [source["seen"] for source in mix("replay", synthetic.preview({"domain": 1.0}), None)["sources"]] == [None]
