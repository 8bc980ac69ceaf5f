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
        "d: only 40 documents: the domain may differ from this sample.",
        "Held-out documents of d and g were not checked",
        "new: d was seen 9.5 times",
        "new: the run was trained on another mix than the one shown here (plan f00, not ba4)",
        "new: the run has seen 4",
        "d: some input files could not be read completely; see 1 fault above.",
        "Intervals are over documents",
    ):
        assert said in found
    assert "g: only" not in found


def said_of_seeds(*rows: dict) -> str:
    summary = synthetic.summary({"base": {"d": 2.0}, "new": {"d": 1.9}}, {"d": "gain"})
    (row,) = summary["differences"]
    summary["differences"] = [row | changes for changes in rows]
    found = caveats(ReportInputs(summary, {}, {}, {}, {}, {}, {}, {}, None, []))
    return "\n".join(caveat for caveat in found if "seed" in caveat)


def test_seeds_are_said_to_be_left_out_only_where_they_are():
    recipe, checkpoint = {"of": "recipe", "seeds": 3}, {"model": "one", "of": "checkpoint", "seeds": 1}
    assert "do not include the variation between training seeds" in said_of_seeds(checkpoint)
    assert said_of_seeds(recipe) == "Intervals are over documents and training seeds."
    assert "those of single checkpoints (one) do not" in said_of_seeds(recipe, checkpoint)
