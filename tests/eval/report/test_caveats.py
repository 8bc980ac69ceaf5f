from eval.report.caveats import caveats
from eval.report.read import ReportInputs
from tests.eval import synthetic


def test_caveats_name_what_is_undetectable_small_repeated_unfinished_or_faulty():
    summary = synthetic.summary({"base": {"d": 2.0, "g": 1.0}, "new": {"d": 2.0, "g": 1.005}}, {"d": "gain", "g": "retain"})
    summary["domains"]["d"]["documents"] = 40
    preview = synthetic.preview({"d": 1.0})
    preview["sources"][0]["epochs"] = 9.5
    steps = synthetic.metrics({"d": 1.0}, {"d": 2.0}, n_steps=10)
    records, plans = {"new": {"plan_hash": "f00"}}, {"new": "ba4"}
    found = "\n".join(caveats(ReportInputs(summary, {"d": synthetic.curate_report("d")}, {"new": preview}, {"new": steps}, records, plans, {}, {}, None, [])))
    for said in (
        "new on d: undetectable does not mean none",
        "new on g: the interval crosses the tolerance",
        "d was measured on only 40 held-out documents",
        "Held-out documents of d and g were not checked",
        "new: d was seen 9.5 times",
        "new: the run was trained on another mix than the one shown here (plan f00, not ba4)",
        "new: the run has seen 4",
        "d: some input files could not be read completely; 1 faults",
        "Intervals are over documents",
    ):
        assert said in found
    assert "g was measured" not in found
