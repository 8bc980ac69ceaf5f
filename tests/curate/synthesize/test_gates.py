"""Gates: what each keeps and what it drops, with its reason."""

import pytest
from pydantic import TypeAdapter

from curate.errors import CurateError
from curate.synthesize.gates.recipe import AnyGate
from curate.synthesize.types import Candidate, SourceDocument

BUILD = TypeAdapter(AnyGate)
SOURCE = "The harbour of Lund was built in 1684 by merchants. Ships from the north bring timber and iron every spring."


def candidate(text: str, sample: int = 0, completion: str = "", language: str = "en", **item: str) -> Candidate:
    document = SourceDocument("ab" * 16, SOURCE, "made", language, "", {}, "f", 0)
    return Candidate(text, document, (SOURCE,), ({"text": text} | item,), "", sample, completions=(completion,))


def rules(candidates: list[Candidate], **gate: object) -> list[str]:
    return [told.rule if told else "" for told in BUILD.validate_python(gate).judge(candidates)]


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
    with pytest.raises(CurateError, match="no field 'reply'; they have answer, question, text"):
        rules([one], kind="supported", fields=["reply"])


def test_another_language_than_the_source_or_the_one_asked_for_is_dropped():
    english = "The ships from the north bring timber and iron to the harbour every spring."
    german = "Die Schiffe aus dem Norden bringen jedes Jahr im Frühling Holz und Eisen in den Hafen."
    assert rules([candidate(english), candidate(german)], kind="language") == ["", "language/other"]
    assert rules([candidate(english), candidate(german)], kind="language", language="de") == ["language/other", ""]
    assert rules([candidate(german, language="")], kind="language") == [""]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("I cannot provide a translation of this text.", "refusal"),
        ("Es tut mir leid, das geht nicht.", "refusal"),
        ("抱歉，我无法回答这个问题。", "refusal"),
        ("Sure! Here is the rewritten text: The harbour is old.", "to_the_user"),
        ("The harbour is old. Let me know if you need more.", "to_the_user"),
        ("As an AI language model, I have no opinion on harbours.", "about_itself"),
        ("Dear [Insert name], the harbour is old.", "placeholder"),
        ("The harbour is old. I am sorry that it burnt, said the mayor.", ""),
        ("Here is where the ships of the north used to land.", ""),
        ("The court cannot help a party that will not answer.", ""),
    ],
)
def test_a_model_that_speaks_of_itself_or_to_its_user_is_heard(text, rule):
    assert rules([candidate(text)], kind="refusal") == [f"refusal/{rule}" if rule else ""]


def test_a_refusal_is_found_in_a_completion_that_the_parser_made_nice():
    assert rules([candidate("The harbour.", completion="As a language model I guess: The harbour.")], kind="refusal") == ["refusal/about_itself"]
    assert rules([candidate("The XYZZY harbour.")], kind="refusal", more=["xyzzy"]) == ["refusal/more"]


def test_the_first_of_near_copies_stays():
    texts = ["The harbour of Lund was built by merchants long ago.", "The harbour of Lund was built by merchants long ago!", "Timber comes in spring."]
    assert rules([candidate(text) for text in texts], kind="near_duplicate") == ["", "near_duplicate/of_earlier", ""]


def test_what_most_samples_agree_on_stays_once():
    answers = ["The sum is 12.", "So we get 12", "It is 13.", "12"]
    samples = [candidate(text, sample, answer=text) for sample, text in enumerate(answers)]
    assert rules(samples, kind="consistent", compare="last_number") == ["", "consistent/repeats", "consistent/disagrees", "consistent/repeats"]
    assert rules(samples, kind="consistent", compare="last_number", keep="all") == ["", "", "consistent/disagrees", ""]
    assert rules(samples, kind="consistent", compare="text") == ["consistent/disagrees"] * 4


def test_a_classifier_that_is_not_there_is_told():
    with pytest.raises(CurateError, match="no such file or folder"):
        rules([candidate("x")], kind="classifier", model="/no/such/model", label="good")
