from tests.curate.synthesize.miners.mining import FILLER, mine


def test_a_heading_that_asks_is_answered_by_what_stands_below_it():
    text = "# Ports\n\n## What is a tariff?\n\nA tariff is a tax on goods from abroad. Buyers pay it.\n\n"
    text += f"## Why?\n\nThis is why.\n\n## Who pays it now?\n\n## Rates\n\n{FILLER}"
    assert [(item["question"], item["answer"]) for item in mine(text, kind="questions")] == [
        ("What is a tariff?", "A tariff is a tax on goods from abroad. Buyers pay it.")
    ]
    assert not mine("## What is a tariff?\n\nA tariff is a tax on goods from abroad.", kind="questions"), "a text that is all questions is repeated by no miner"
