import pytest

from tests.curate.synthesize.gates.candidates import candidate, rules


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("The passage does not provide enough information to tell.", "refusal"),
        ("Mi dispiace, ma non posso.", "refusal"),
        ("К сожалению, я не могу это перевести.", "refusal"),
        ("申し訳ありませんが、お答えできません。", "refusal"),
        ("عذراً، لا أستطيع الإجابة.", "refusal"),
        ("Порт старый. Как языковая модель, я его не видел.", "about_itself"),
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
