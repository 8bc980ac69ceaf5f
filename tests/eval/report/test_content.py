from eval.report.content import mix
from eval.report.scores import _n_corrected
from tests.eval import synthetic


def test_the_seen_share_is_that_of_targets_over_all_steps():
    steps = synthetic.metrics({"domain": 0.7, "general": 0.3}, {"domain": 2.0, "general": 3.0}, n_steps=20)
    counts = {name: sum(step["tokens_by_source"][name] for step in steps) for name in ("domain", "general")}
    found = mix("replay", synthetic.preview({"domain": 0.7, "general": 0.3}), steps)
    assert [source["seen"] for source in found["sources"]] == [counts[name] / sum(counts.values()) for name in ("domain", "general")]
    assert [source["seen"] for source in mix("replay", synthetic.preview({"domain": 1.0}), None)["sources"]] == [None]


def test_the_correction_counts_the_tolerance_of_text_to_retain_and_long_contexts():
    summary = synthetic.summary({"base": {"law": 1.8, "web": 1.2}, "new": {"law": 1.4, "web": 1.3}}, {"law": "gain", "web": "retain"})
    for row in summary["differences"]:
        row["adjusted_p"] = 0.04
    assert _n_corrected(summary) == 3
    summary["long_context"] = {"differences": [{"adjusted_p": 0.5}, {"adjusted_p": None}]}
    assert _n_corrected(summary) == 4
