"""Reading comprehension by rules: what is found, and what is left alone."""

import pytest

from tests.curate.synthesize.miners.mining import FILLER, mine


def found(text: str, **fields: object) -> dict[str, list[tuple[str, str]]]:
    """Question and answer by sub-category."""
    by_kind: dict[str, list[tuple[str, str]]] = {}
    for item in mine(text, kind="reading", max_share=None, **fields):
        by_kind.setdefault(item["kind"], []).append((item["question"], item["answer"]))
    return by_kind


ECONOMY = """Prices and wages in the long run

The bank raised its rate in spring. Therefore, loans became dearer for firms and households.

Many firms had planned to build new plants. However, most of them put off their plans.

Farmers sell less grain because the port has been closed since May.

A tariff is a tax on goods from abroad. In other words, buyers at home pay more for foreign goods.
"""


def test_connectives_tell_how_neighbours_relate_and_are_taken_off():
    reading = found(ECONOMY, types=["nli"])
    ((question, answer),) = reading["nli/entail"]
    assert "The bank raised its rate in spring." in question and "Loans became dearer for firms and households." in question and "Therefore" not in question
    assert answer in ("It is a conclusion.", "Therefore.", "As a reason for it.")
    assert "limit" in reading["nli/contrast"][0][1] or "However" in reading["nli/contrast"][0][1]


def test_causes_and_other_words_are_found():
    reading = found(ECONOMY, types=["reasoning", "paraphrase"])
    assert "Farmers sell less grain." in reading["reasoning/cause"][0][0]
    assert reading["reasoning/cause"][0][1].endswith("the port has been closed since May.")
    assert "A tariff is a tax on goods from abroad." in reading["paraphrase/restate"][0][0]


@pytest.mark.parametrize(
    "text",
    [
        "This is good. Therefore, the tax on grain was raised.",  # the premise points back
        "The tax was raised. In addition to the tax, a fee is due each year.",  # no connective but a phrase
        "The fee is not due because the port is closed.",  # what is denied, the fee or the reason?
        "The tax rose only because the port had been closed.",
        "A firm that fails because the port is closed gets help from the city.",  # the cause is of a clause inside
    ],
)
def test_what_would_make_a_wrong_or_open_question_is_left_alone(text):
    assert not found(text, types=["nli", "reasoning"])


def test_questions_beside_the_text_ask_for_its_title_and_do_not_show_it():
    items = mine(ECONOMY, kind="reading", with_document=True, types=["summarize"], max_share=None)
    assert items[0]["answer"] == "Prices and wages in the long run"
    assert items[0]["body"].startswith("The bank raised") and "Prices and wages in the long run" not in items[0]["body"]


def test_items_never_hold_more_than_a_share_of_their_text():
    text = f"{ECONOMY}\n\n{FILLER}"
    items = mine(text, kind="reading", max_share=0.3)
    assert 0 < sum(len((item["question"] + " " + item["answer"]).split()) for item in items) <= 0.3 * len(text.split())


def test_a_sub_category_has_two_items_at_most_and_no_sentence_is_used_twice():
    text = " ".join(f"The number {n} is odd or even in every case. Therefore, the sum {n} is known to all people." for n in range(9))
    items = mine(text, kind="reading", max_share=None)
    kinds = [item["kind"] for item in items]
    assert max(kinds.count(kind) for kind in kinds) <= 2
    assert sum("The number 3 is odd" in item["question"] + item["answer"] for item in items) <= 1


def test_the_same_document_gives_the_same_items_and_another_language_its_own():
    assert mine(ECONOMY, kind="reading") == mine(ECONOMY, kind="reading")
    assert not mine(ECONOMY, language="sw", kind="reading")
    chinese = "残差网络让信息在各层之间直接传递。因此，很深的网络也能顺利地训练出来。"
    assert [item["kind"] for item in mine(chinese, language="zho_Hans", kind="reading", types=["nli"], max_share=None)] == ["nli/entail"]
