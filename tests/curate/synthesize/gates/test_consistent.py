from dataclasses import replace

from tests.curate.synthesize.gates.candidates import candidate, rules


def test_what_most_samples_agree_on_stays_once():
    answers = ["The sum is 12.", "So we get 12", "It is 13.", "12"]
    samples = [candidate(text, sample, answer=text) for sample, text in enumerate(answers)]
    assert rules(samples, kind="consistent", compare="last_number") == ["", "consistent/repeats", "consistent/disagrees", "consistent/repeats"]
    assert rules(samples, kind="consistent", compare="last_number", keep="all") == ["", "", "consistent/disagrees", ""]
    assert rules(samples, kind="consistent", compare="text") == ["consistent/disagrees"] * 4


def test_samples_that_could_not_be_read_count_as_disagreeing():
    samples = [replace(candidate("x", number, answer="12"), samples=5) for number in range(2)]
    assert rules(samples, kind="consistent") == ["consistent/disagrees"] * 2
    assert rules(samples, kind="consistent", min_agree=0.4) == ["", "consistent/repeats"]
