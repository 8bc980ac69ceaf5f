"""The shipped tasks: each loads, renders, reads what models really write, and gives a document."""

import pytest

from curate.synthesize.candidates import PassageItems, candidates_of, results_of
from curate.synthesize.generators.base import Answer
from curate.synthesize.requests import requests_of
from curate.synthesize.task import TaskRecipe, check_task, load_task, shipped_tasks
from curate.synthesize.types import Candidate, SourceDocument

TEXT = "# Ports and tariffs of the north\n\n" + "\n\n".join(
    f"The harbour of town {n} was built by merchants from the north. Therefore, ships of {n} flags bring timber there every spring." for n in range(8)
)
WHY = "Ships are counted since the north sends timber by sea, and whoever counts them knows how much wood the town will have. " * 2
ANSWERS = {
    "science_qa": '```json\n[{"question": "Who built it?", "answer": "Merchants built it. ' + WHY + '"}]\n```',
    "qa_before_document": 'Here you go:\n[{"question": "Who built the harbour?", "answer": "merchants from the north"}]',
    "translate_interlinear": '[{"sentence": "The harbour of town 1 was built by merchants.", "translation": "Der Hafen wurde von Kaufleuten gebaut."}]',
    "instructions": "Sure!\n\n**Q1:** Who built the harbour?\n**A1:** Merchants from the north.\n\n"
    "2. Question: What do ships bring?\n   Answer: Timber, every spring.",
    "code_qa": "### Problem 1:\nWrite a function.\n\n**Solution:** Count the ships. " + WHY + "\n```python\ndef ships(n):\n    return n\n```",
    "rephrase": "Sure, here is the text:\nTraders put up the port long ago. " + "Vessels carry wood to it each year when the ice has gone. " * 5,
    "translate": "Der Hafen der Stadt wurde von Kaufleuten aus dem Norden gebaut. " * 12,
    "thinking": "<think>hm</think>" + "Merchants of the north need a harbour, since timber is heavy and ships carry it cheaply. " * 6,
    "quality_label": "Grade: 4\nTopic: trade",
    "topic_label": "**Topic:** economics.",
    "judge_label": "**Reason:** All answers are in the text.\n\n**Verdict:** Pass",
}
OPTIONS = {"translate": {"language": "German", "code": "de"}, "translate_interlinear": {"language": "German"}}


def document(**metadata: str) -> SourceDocument:
    return SourceDocument("ab" * 16, TEXT, "made", "en", "", metadata, "f", 0)


def prepared(name: str) -> TaskRecipe:
    task = load_task(name)
    task = task.model_copy(update={"options": task.options | OPTIONS.get(name, {})})
    check_task(task, name)
    return task


def made(name: str, answer: str, source: SourceDocument) -> tuple[list[PassageItems], list[Candidate]]:
    task = prepared(name)
    parts = list(results_of(task, "m", source, lambda key: Answer(key, answer, "stop")))
    assert all(isinstance(part, PassageItems) for part in parts), parts
    good = [part for part in parts if isinstance(part, PassageItems)]
    return good, [] if task.output.columns else candidates_of(task, source, good)


MODEL_TASKS = [name for name in shipped_tasks() if load_task(name).prompt]


@pytest.mark.parametrize("name", MODEL_TASKS)
def test_a_task_for_a_model_asks_about_the_text_and_reads_what_models_write(name):
    requests = list(requests_of(prepared(name), "m", document()))
    assert requests and "harbour of town" in str(requests[0].request.messages)
    parts, candidates = made(name, ANSWERS[name], document())
    task = prepared(name)
    if task.output.columns:
        assert set(task.output.columns) <= set(parts[0].items[0])
        return
    rejected = [told for gate in task.gates for told in gate.judge(candidates) if told]
    assert candidates and not rejected, rejected
    assert not any(word in candidates[0].text for word in ("Sure", "```json", "<think>"))


def test_numbered_and_bold_questions_are_read_with_their_own_answers():
    parts, _ = made("instructions", ANSWERS["instructions"], document())
    assert [dict(item) for item in parts[0].items] == [
        {"question": "Who built the harbour?", "answer": "Merchants from the north."},
        {"question": "What do ships bring?", "answer": "Timber, every spring."},
    ]


def test_labels_are_freed_of_marks():
    assert made("topic_label", ANSWERS["topic_label"], document())[0][0].items[0]["topic"] == "economics"
    assert made("judge_label", ANSWERS["judge_label"], document())[0][0].items[0]["verdict"] == "pass"


def test_questions_stand_before_the_document_where_the_task_says_so():
    for name in ("questions_before_document", "qa_before_document"):
        _, candidates = made(name, ANSWERS["qa_before_document"], document())
        assert candidates[0].text.startswith("Question:") and candidates[0].text.endswith("every spring."), name


@pytest.mark.parametrize("name", ["reading_comprehension", "reading_questions", "questions_before_document", "cloze"])
def test_a_task_by_rules_gives_questions_with_answers(name):
    _, candidates = made(name, "", document())
    assert candidates and candidates[0].text.count("Question:") == candidates[0].text.count("Answer:") > 0


GERMAN = "Der Hafen wurde von Kaufleuten gebaut. Schiffe bringen im Frühling Holz.\n\nDie Stadt ist sehr alt. Sie liegt weit im Norden am Meer."
ENGLISH = "The harbour was built by merchants. Ships bring timber in spring.\n\nThe town is very old. It lies far in the north at the sea."


def pair(name: str) -> str:
    source = SourceDocument("ab" * 16, ENGLISH, "made", "en", "", {"translation": GERMAN, "translation_language": "de"}, "f", 0)
    _, candidates = made(name, "", source)
    return candidates[0].text


def test_parallel_text_is_laid_out_whole_by_sentence_or_in_turns():
    assert pair("parallel_documents") == f"{ENGLISH}\n\n{GERMAN}"
    assert pair("parallel_interlinear").split("\n\n")[0] == "The harbour was built by merchants.\nDer Hafen wurde von Kaufleuten gebaut."
    switched = pair("code_switch")
    assert ("The harbour was built" in switched) != ("Der Hafen wurde" in switched) and ("Ships bring" in switched) != ("Schiffe bringen" in switched)
    assert pair("translation_pairs").startswith("English: The harbour was built by merchants.\nGerman: Der Hafen")


def test_a_document_without_translation_gives_no_parallel_text():
    assert made("parallel_interlinear", "", document()) == ([], [])
