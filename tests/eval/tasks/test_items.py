"""Items: what is asked is written out, and what cannot be scored is refused in one line."""

from dataclasses import replace

import pytest

from eval.errors import EvalError
from eval.tasks.items import Item, Task, check_task

ITEM = Item("q1", "The sky is", ("blue", "green"), 0)


def task(*items: Item, **options) -> Task:
    return Task("sky", "own", **({"kind": "choice", "items": items} | options))


@pytest.mark.parametrize(
    "items, message",
    [
        ((), "holds no items"),
        ((replace(ITEM, choices=()),), "item q1: it has no choices"),
        ((replace(ITEM, choices=("blue", "")),), "item q1: one of its choices is empty"),
        ((replace(ITEM, choices=("blue",)),), "item q1: it has one choice, so it would always be right"),
        ((replace(ITEM, gold=2),), "item q1: its gold answer is number 2, but its 2 choices are counted from 0 to 1"),
        ((replace(ITEM, gold=-1),), "its gold answer is number -1"),
        ((ITEM, ITEM), "item q1: its id appears twice"),
        ((replace(ITEM, contexts=("a",)),), "it has 1 contexts for 2 choices"),
        ((replace(ITEM, choices=("\ud800", "b")),), "not valid Unicode"),
    ],
)
def test_an_item_that_cannot_be_scored_is_refused_by_name(items, message):
    with pytest.raises(EvalError, match="task sky") as refusal:
        check_task(task(*items))
    assert message in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_continuation_has_one_choice():
    check_task(task(replace(ITEM, choices=("blue",)), kind="continuation"))
    with pytest.raises(EvalError, match="tasks of kind continuation have one"):
        check_task(task(ITEM, kind="continuation"))


@pytest.mark.parametrize("change", [{"context": "The sea is"}, {"choices": ("blue", "red")}, {"gold": 1}, {"contexts": ("a", "b")}])
def test_the_hash_of_an_item_changes_with_whatever_is_asked(change):
    known = task(ITEM)
    assert known.item_hash(replace(ITEM, **change)) != known.item_hash(ITEM)


def test_the_hash_of_an_item_does_not_depend_on_its_label():
    known = task(ITEM)
    assert known.item_hash(replace(ITEM, id="q2", group="g", subtask="s", metadata={"a": 1})) == known.item_hash(ITEM)
    assert task(ITEM, delimiter="").item_hash(ITEM) != known.item_hash(ITEM)


def test_each_choice_may_have_its_own_context():
    item = replace(ITEM, contexts=("first", "second"))
    assert [item.context_of(0), item.context_of(1), ITEM.context_of(1)] == ["first", "second", "The sky is"]
