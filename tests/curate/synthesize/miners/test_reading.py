"""Rule-based miners on small texts: what they find, and what they leave alone."""

import pytest
from pydantic import TypeAdapter

from curate.synthesize.miners import AnyMiner
from curate.synthesize.types import SourceDocument

BUILD = TypeAdapter(AnyMiner)
FILLER = " ".join(f"The harbour master of port {n} keeps a careful record of every ship that enters." for n in range(12))


def mine(text: str, language: str = "en", **fields: object) -> list[dict[str, str]]:
    return BUILD.validate_python(fields).mine(text, SourceDocument("ab" * 16, text, "made", language, "", {}, "f", 0))


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


DEFINITIONS = """(1) “Board” means the Board of Barbers that the Mayor has appointed.

(2) The term “fee” shall mean a charge for a license or a permit.

Fixed cost refers to the cost that does not change with output.

A larger rate means the number is growing more quickly. This refers to the cost of the whole year."""


def test_definitions_are_of_quoted_or_short_terms_and_not_of_pointers():
    items = mine(DEFINITIONS, kind="definitions")
    assert [item["term"] for item in items] == ["Board", "fee", "Fixed cost"]
    assert items[0]["answer"] == "The Board of Barbers that the Mayor has appointed."
    assert "Board" in items[0]["question"]


def test_a_blank_stands_for_the_term_of_a_definition_or_a_word_of_the_topic():
    text = f"{DEFINITIONS}\n\n{FILLER}"
    items = mine(text, kind="cloze", max_items=20)
    assert all("____" in item["question"] and item["answer"] in item["sentence"] for item in items)
    assert all(item["answer"].casefold() not in item["question"].casefold().replace("which term", "") for item in items)
    assert {"fee", "Fixed cost"} <= {item["answer"] for item in items if item["kind"] == "cloze/term"}
    assert {item["answer"] for item in items if item["kind"] == "cloze/word"} & {"harbour", "master", "record", "careful", "enters"}


def test_chinese_has_blanks_for_terms_alone():
    text = "".join(f"神经网络模型可以从{thing}中学习有用的表示。" for thing in ("图片", "文字", "声音", "视频"))
    text += "“标签”是指我们在训练时试图预测的目标。"
    assert {item["kind"] for item in mine(text, language="zh", kind="cloze")} == {"cloze/term"}


def test_a_list_is_completed_by_its_points():
    text = "A person may apply for a license if the person:\n\n- Is of age;\n\n- Lives in the city; and\n\n- Has paid the fee.\n\nThe fee is ten dollars."
    (item,) = mine(text, kind="lists")
    assert "A person may apply for a license if the person:" in item["question"]
    assert item["answer"] == "- Is of age\n- Lives in the city\n- Has paid the fee"


def test_a_heading_that_asks_is_answered_by_what_stands_below_it():
    text = "# Ports\n\n## What is a tariff?\n\nA tariff is a tax on goods from abroad. Buyers pay it.\n\n"
    text += f"## Why?\n\nThis is why.\n\n## Who pays it now?\n\n## Rates\n\n{FILLER}"
    assert [(item["question"], item["answer"]) for item in mine(text, kind="questions")] == [
        ("What is a tariff?", "A tariff is a tax on goods from abroad. Buyers pay it.")
    ]
    assert not mine("## What is a tariff?\n\nA tariff is a tax on goods from abroad.", kind="questions"), "a text that is all questions is repeated by no miner"
