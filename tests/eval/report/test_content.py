import numpy as np
import pytest

from eval.report.caveats import caveats
from eval.report.content import mix
from eval.report.curves import MAX_POINTS, run_curves, running_mean
from eval.report.read import ReportInputs
from eval.report.words import change_sentence, comparison_sentence, join, outcome, tone
from tests.eval import synthetic


@pytest.mark.parametrize("width", [1, 2, 5, 50])
def test_the_running_mean_is_that_of_the_window_as_far_as_it_goes(width):
    values = np.random.default_rng(0).normal(size=23)
    slow = [np.mean(values[max(place - width // 2, 0) : place + width // 2 + 1]) for place in range(23)]
    assert np.allclose(running_mean(values, width), slow)


def test_curves_are_thinned_but_keep_both_ends_and_leave_out_steps_without_the_source():
    steps = synthetic.metrics({"domain": 0.7, "general": 0.3}, {"domain": 2.0, "general": 3.0}, n_steps=2000)
    for step in steps[:500]:
        del step["loss_by_source"]["general"]
    curves = run_curves("run", steps)
    for source, first in (("domain", 1), ("general", 501)):
        curve = curves["loss_by_source"][source]
        assert len(curve["step"]) == len(curve["raw"]) == len(curve["smooth"]) == MAX_POINTS
        assert (curve["step"][0], curve["step"][-1]) == (first, 2000)
        known = {step["step"]: step["loss_by_source"].get(source) for step in steps}
        assert all(value == pytest.approx(known[step], abs=1e-5) for step, value in zip(curve["step"], curve["raw"], strict=True))


def test_the_seen_share_is_that_of_targets_over_all_steps():
    steps = synthetic.metrics({"domain": 0.7, "general": 0.3}, {"domain": 2.0, "general": 3.0}, n_steps=20)
    counts = {name: sum(step["tokens_by_source"][name] for step in steps) for name in ("domain", "general")}
    found = mix("replay", synthetic.preview({"domain": 0.7, "general": 0.3}), steps)
    assert [source["seen"] for source in found["sources"]] == [counts[name] / sum(counts.values()) for name in ("domain", "general")]
    assert [source["seen"] for source in mix("replay", synthetic.preview({"domain": 1.0}), None)["sources"]] == [None]


@pytest.mark.parametrize(
    "role, delta, half, said, colour",
    [
        ("gain", -0.1, 0.01, "gained", "good"),
        ("gain", 0.1, 0.01, "lost", "bad"),
        ("gain", 0.0, 0.01, "no detectable change", "plain"),
        ("retain", -0.1, 0.01, "improved", "good"),
        ("retain", 0.001, 0.002, "retained", "good"),
        ("retain", 0.005, 0.002, "forgotten, within tolerance", "good"),
        ("retain", 0.01, 0.002, "forgotten", "bad"),
        ("retain", 0.1, 0.01, "forgotten", "bad"),
        ("retain", 0.005, 0.02, "no detectable change", "plain"),
    ],
)
def test_outcomes_follow_from_role_verdict_and_tolerance(role, delta, half, said, colour):
    row = synthetic.difference("new", "base", "text", role, delta, half)
    assert (outcome(row), tone(row)) == (said, colour)


@pytest.mark.parametrize(
    "role, delta, half, said",
    [
        ("gain", -0.1, 0.01, "10.0% fewer bits on text: 1.000 → 0.900 bits per byte (95% interval of the change −0.110 to −0.090)."),
        ("gain", 0.1, 0.01, "10.0% more bits on text: "),
        ("gain", 0.0, 0.01, "On text no change can be detected (a change of 0.014 would probably have been): "),
        ("retain", -0.1, 0.01, "Nothing was forgotten: 10.0% fewer bits on text: "),
        ("retain", 0.005, 0.002, "Partly forgotten: 0.5% more bits on text, within the tolerance of 0.01: "),
        ("retain", 0.01, 0.002, "Partly forgotten: 1.0% more bits on text, perhaps beyond the tolerance of 0.01: "),
        ("retain", 0.1, 0.01, "Partly forgotten: 10.0% more bits on text, beyond the tolerance of 0.01: "),
        (
            "retain",
            0.001,
            0.002,
            "On text no forgetting can be detected (a change of 0.003 would probably have been), and any is within the tolerance of 0.01: ",
        ),
        (
            "retain",
            0.005,
            0.02,
            "On text no forgetting can be detected (a change of 0.029 would probably have been), but it may exceed the tolerance of 0.01: ",
        ),
    ],
)
def test_sentences_say_what_the_verdict_says(role, delta, half, said):
    row = synthetic.difference("new", "base", "text", role, delta, half)
    assert change_sentence(row, 1.0, 1.0 + delta, 0.01).startswith(said)


@pytest.mark.parametrize("swap", [False, True])
def test_a_comparison_is_told_from_the_model_that_kept_more_whichever_came_first(swap):
    sign = -1 if swap else 1
    names = ("careful", "careless") if swap else ("careless", "careful")
    rows = [
        synthetic.difference(*names, "domain", "gain", -0.04 * sign, 0.01),
        synthetic.difference(*names, "general", "retain", 0.3 * sign, 0.02),
        synthetic.difference(*names, "other", "gain", 0.0, 0.01),
    ]
    expected = (
        "Compared with careless, careful takes 0.300 (0.280 to 0.320) bits per byte fewer on general, "
        "takes 0.040 (0.030 to 0.050) bits per byte more on domain and does not detectably differ on other."
    )
    assert comparison_sentence(rows) == expected


def test_lists_are_joined_as_in_speech():
    assert [join(parts) for parts in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_caveats_name_what_is_undetectable_small_repeated_unfinished_or_faulty():
    summary = synthetic.summary({"base": {"d": 2.0, "g": 1.0}, "new": {"d": 2.0, "g": 1.005}}, {"d": "gain", "g": "retain"})
    summary["domains"]["d"]["documents"] = 40
    preview = synthetic.preview({"d": 1.0})
    preview["sources"][0]["epochs"] = 9.5
    steps = synthetic.metrics({"d": 1.0}, {"d": 2.0}, n_steps=10)
    found = "\n".join(
        caveats(ReportInputs(summary, {"d": synthetic.curate_report("d")}, {"new": preview}, {"new": steps}, {"new": {"plan_hash": "f00"}}, {"new": "ba4"}, []))
    )
    for said in (
        "new on d: undetectable does not mean none",
        "new on g: the interval crosses the tolerance",
        "d was measured on 40 held-out documents only",
        "Held-out documents of d and g were not compared",
        "new: d was seen 9.5 times",
        "new: the run was trained on another mix than the one shown here (plan f00, not ba4)",
        "new: the run has seen 4",
        "d: not all input files could be read to their end; 1 faults",
        "Intervals are over documents",
    ):
        assert said in found
    assert "g was measured" not in found
