import pytest

from eval.report.words import change_sentence, comparison_sentence, join, outcome, tone
from tests.eval import synthetic


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
        ("gain", 0.0, 0.01, "On text no change can be detected (a change of 0.014 would probably be detected): "),
        ("retain", -0.1, 0.01, "Nothing was forgotten: 10.0% fewer bits on text: "),
        ("retain", 0.005, 0.002, "Partly forgotten: 0.5% more bits on text, within the tolerance of 0.01: "),
        ("retain", 0.01, 0.002, "Partly forgotten: 1.0% more bits on text, perhaps beyond the tolerance of 0.01: "),
        ("retain", 0.1, 0.01, "Partly forgotten: 10.0% more bits on text, beyond the tolerance of 0.01: "),
        (
            "retain",
            0.001,
            0.002,
            "On text no forgetting can be detected (a change of 0.003 would probably be detected), and any is within the tolerance of 0.01: ",
        ),
        (
            "retain",
            0.005,
            0.02,
            "On text no forgetting can be detected (a change of 0.029 would probably be detected), but it may exceed the tolerance of 0.01: ",
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
