import pytest

from eval.report.words import change_sentence, comparison_sentence, join, notes, outcome, tone
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
        "careful against careless: 0.300 bits per byte fewer on general (95% interval 0.280 to 0.320) and 0.040 more on domain (95% interval 0.030 to 0.050); "
        "no detectable difference on other."
    )
    assert comparison_sentence(rows) == expected


def test_lists_are_joined_as_in_speech():
    assert [join(parts) for parts in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_without_a_verdict_nothing_is_claimed_and_nothing_is_coloured():
    row = synthetic.difference("new", "base", "text", "retain", -0.2, 0.01)
    for verdict, word, said in (
        ("too few", "too few documents", "No verdict on text, because 12 documents, worth 4.1 independent ones, are too few: 1.000 → 0.800 bits per byte"),
        ("lossy", "no verdict: text is lost", "No verdict on text, because a tokenizer loses text of it: "),
    ):
        row |= {"verdict": verdict, "retained": verdict, "documents": 12, "effective": 4.1}
        assert (outcome(row), tone(row)) == (word, "plain")
        assert change_sentence(row, 1.0, 0.8, 0.01).startswith(said)
        compared = comparison_sentence([row])
        assert compared == "new against base: no verdict on text."


@pytest.mark.parametrize("role", ["gain", "retain"])
def test_a_model_of_other_origin_is_compared_and_neither_gains_nor_forgets(role):
    for delta, word, said in ((-0.1, "fewer bits", "10.0% fewer bits on text: "), (0.1, "more bits", "10.0% more bits on text: ")):
        row = synthetic.difference("other", "base", "text", role, delta, 0.01) | {"derived": False}
        assert (outcome(row), tone(row)) == (word, "plain")
        assert change_sentence(row, 1.0, 1.0 + delta, 0.01).startswith(said)
    row = synthetic.difference("other", "base", "text", role, 0.0, 0.01) | {"derived": False}
    assert outcome(row) == "no detectable difference" and "forg" not in change_sentence(row, 1.0, 1.0, 0.01)


def test_an_interval_that_excludes_no_change_without_a_verdict_is_explained_by_the_correction():
    row = synthetic.difference("new", "base", "text", "gain", -0.02, 0.015) | {"verdict": "undetectable", "p_value": 0.01, "adjusted_p": 0.2}
    assert change_sentence(row, 1.0, 0.98, 0.01).startswith("On text no change can be detected once all verdicts of this report are counted: ")


def test_a_verdict_says_what_it_is_about():
    assert notes({}) == notes({"of": "checkpoint", "seeds": 1}) == ["this checkpoint"]
    assert notes({"of": "recipe", "seeds": 3}) == ["recipe of 3 seeds"]
    noisy = {"of": "checkpoint", "below_seed_noise": True}
    assert notes(noisy | {"verdict": "worse"}) == ["this checkpoint", "smaller than seed noise"]
    assert notes(noisy | {"verdict": "undetectable"}) == ["this checkpoint"]


@pytest.mark.parametrize("change", [-0.05, 0.05])
def test_a_difference_that_another_seed_would_explain_has_no_colour(change):
    row = synthetic.difference("new", "base", "text", "gain", change, 0.01)
    assert tone(row) == ("good" if change < 0 else "bad") and tone(row | {"below_seed_noise": True}) == "plain"


def test_a_part_of_a_domain_has_fewer_or_more_bits_and_neither_gains_nor_forgets():
    for delta, word, colour in ((-0.1, "fewer bits", "good"), (0.1, "more bits", "bad")):
        row = {key: value for key, value in synthetic.difference("new", "base", "text", "gain", delta, 0.01).items() if key != "role"}
        assert (outcome(row), tone(row)) == (word, colour)
