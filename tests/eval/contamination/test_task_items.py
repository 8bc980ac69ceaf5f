"""What of a task's item is looked for in training sets."""

from eval.contamination.task_items import task_items
from eval.tasks.items import Item, Task

SHOTS = "Answer the question.\n\nQuestion: What is one and one?\nAnswer: two\n\nQuestion: "


def of(contexts: list[str], subtask: str | None = None) -> list[tuple[str, ...]]:
    items = tuple(Item(str(number), context, ("wrong", f"right {number}"), 1, subtask=subtask) for number, context in enumerate(contexts))
    return [item.texts for item in task_items(Task("sums", "items", "choice", items))]


def test_instructions_and_examples_that_all_items_of_a_subject_share_are_left_out():
    questions = [f"What is {word}?\nAnswer:" for word in ("two and two", "three and three", "half of six", "double", "nothing")]
    assert of([SHOTS + question for question in questions]) == [
        (question.removeprefix("What is "), f"right {number}") for number, question in enumerate(questions)
    ]


def test_a_passage_that_few_questions_share_is_kept():
    assert of([f"A passage about law. Question {number}" for number in range(4)])[3] == ("A passage about law. Question 3", "right 3")


def test_an_empty_context_leaves_the_answer():
    assert of(["", ""]) == [("right 0",), ("right 1",)]
