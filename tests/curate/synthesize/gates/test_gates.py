"""Gates: what each keeps and what it drops, with its reason."""

from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from curate.errors import CurateError
from curate.synthesize.gates import AnyGate
from curate.synthesize.recipe import SynthesizeRecipe, prepare_task
from curate.synthesize.run import make_plan
from curate.synthesize.types import Candidate, SourceDocument
from shards.recipe import load_run_recipe
from tests.curate.synthesize.sets import prose, recipe, write_documents

BUILD = TypeAdapter(AnyGate)
SOURCE = "The harbour of Lund was built in 1684 by merchants. Ships from the north bring timber and iron every spring."


def candidate(text: str, sample: int = 0, completion: str = "", language: str = "en", **item: str) -> Candidate:
    document = SourceDocument("ab" * 16, SOURCE, "made", language, "", {}, "f", 0)
    return Candidate(text, document, (SOURCE,), ({"text": text} | item,), "", sample, language=language, completions=(completion,))


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
    with pytest.raises(CurateError, match="no field 'reply'; their fields: answer, question, text"):
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


def test_a_translation_is_to_be_in_its_own_language():
    german = replace(candidate("Die Schiffe aus dem Norden bringen jedes Jahr im Frühling Holz und Eisen in den Hafen."), language="de-AT")
    assert rules([german, replace(german, language="fr")], kind="language") == ["", "language/other"]


def test_samples_that_could_not_be_read_count_as_disagreeing():
    samples = [replace(candidate("x", number, answer="12"), samples=5) for number in range(2)]
    assert rules(samples, kind="consistent") == ["consistent/disagrees"] * 2
    assert rules(samples, kind="consistent", min_agree=0.4) == ["", "consistent/repeats"]


def test_copies_are_found_in_scripts_without_spaces():
    one = replace(candidate("港口管理法规定罚款"), passages=("本港口管理法规定罚款。",))
    assert rules([one, candidate("港口管理法规定罚款")], kind="copied") == ["copied/from_source", ""]


def test_a_classifier_keeps_what_it_finds_likely(tmp_path):
    fasttext = pytest.importorskip("fasttext")
    (tmp_path / "train.txt").write_text("".join(f"__label__good harbour quay {n}\n__label__bad click now {n}\n" for n in range(200)))
    fasttext.train_supervised(str(tmp_path / "train.txt"), epoch=20, dim=4, bucket=100, thread=1, verbose=0).save_model(str(tmp_path / "model.bin"))
    gate = {"kind": "classifier", "model": str(tmp_path / "model.bin")}
    assert rules([candidate("harbour quay"), candidate("click now")], **gate, label="good") == ["", "classifier/unlikely"]
    with pytest.raises(CurateError, match="no label 'fine'; it has"):
        BUILD.validate_python(gate | {"label": "fine"}).check()


def made(tmp_path, *gates: dict[str, object], **task: object):
    return recipe(tmp_path, write_documents(tmp_path / "corpus", prose(3)), "http://unused/v1", task, gates=list(gates))


@pytest.mark.parametrize(
    "gate, told",
    [
        ({"kind": "consistent"}, "gate consistent: items have no field 'answer'; their fields: text"),
        ({"kind": "supported", "embedder": "/no/such/model"}, "no model folder"),
        ({"kind": "classifier", "model": "/no/such/model", "label": "good"}, "no such file or folder"),
        ({"kind": "language", "model": "/no/such/model"}, "no such file"),
    ],
)
def test_what_a_gate_lacks_is_told_before_anything_is_asked(tmp_path, gate, told):
    loaded, _ = load_run_recipe(made(tmp_path, gate, parser={"kind": "text"}, output={"template": "{{ item.text }}"}), SynthesizeRecipe)
    with pytest.raises(CurateError, match=told):
        prepare_task(loaded)


def test_another_model_under_the_same_name_is_another_run(tmp_path):
    fasttext = pytest.importorskip("fasttext")
    keys = []
    for words in ("harbour quay", "click now"):
        (tmp_path / "train.txt").write_text(f"__label__good {words}\n__label__bad other\n" * 50)
        fasttext.train_supervised(str(tmp_path / "train.txt"), dim=2, bucket=10, thread=1, verbose=0).save_model(str(tmp_path / "model.bin"))
        gate = {"kind": "classifier", "model": str(tmp_path / "model.bin"), "label": "good"}
        keys.append(make_plan(*load_run_recipe(made(tmp_path, gate), SynthesizeRecipe)).key)
    assert keys[0] != keys[1]
