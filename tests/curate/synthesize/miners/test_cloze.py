from tests.curate.synthesize.miners.mining import DEFINITIONS, FILLER, mine


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
