import pytest

from curate.errors import CurateError
from tests.curate.synthesize.gates.candidates import candidate, rules


def test_an_answer_from_nowhere_is_not_supported_and_a_new_number_is_told():
    told = rules(
        [
            candidate("Merchants built the harbour in 1684."),
            candidate("Farmers planted wheat during winter."),
            candidate("Merchants built the harbour in 1901."),
            candidate("It is so."),
        ],
        kind="supported",
    )
    assert told == ["", "supported/not_in_source", "supported/new_number", ""]


def test_support_may_be_asked_of_one_field_and_by_longer_n_grams():
    one = candidate("x", question="Something else entirely happened?", answer="timber and iron every spring")
    assert rules([one], kind="supported", fields=["answer"], n=3) == [""]
    assert rules([one], kind="supported", fields=["question"]) == ["supported/not_in_source"]
    with pytest.raises(CurateError, match="no field 'reply'; their fields: answer, question, text"):
        rules([one], kind="supported", fields=["reply"])
