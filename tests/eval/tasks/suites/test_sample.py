from collections import Counter

from eval.tasks.items import Item
from eval.tasks.suites.sample import sample

ITEMS = [Item(str(number), f"question {number}", ("a", "b"), 0, subtask="xyz"[number % 3 if number < 90 else 2]) for number in range(120)]


def test_every_subtask_gets_its_share_and_a_larger_limit_keeps_the_items_of_a_smaller_one():
    small, large = sample(ITEMS, 30, 1), sample(ITEMS, 60, 1)
    assert Counter(item.subtask for item in small) == {"x": 8, "y": 7, "z": 15} and len(large) == 60
    assert {item.id for item in small} <= {item.id for item in large}


def test_the_text_and_the_seed_decide_not_the_order():
    assert {item.id for item in sample(ITEMS, 30, 1)} == {item.id for item in sample(ITEMS[::-1], 30, 1)} != {item.id for item in sample(ITEMS, 30, 2)}
    assert sample(ITEMS, None, 0) == sample(ITEMS, 500, 0) == ITEMS
