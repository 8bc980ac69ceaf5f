"""Suites' tasks as the harness asks them, on a tiny model."""

import math

import pytest

from eval.errors import EvalError
from eval.models import ModelFolder
from eval.tasks.engine import Answer, ask
from eval.tasks.fit import PairTokenizer, load_tokenizer, lost_share, unfit_items
from eval.tasks.harness import harness
from eval.tasks.items import Item, Task
from eval.tasks.run import _load
from tests.eval.tasks.test_run import nats_of

MEAN = {"aggregation": "mean", "higher_is_better": True}


@pytest.fixture
def asked(tasks_recipe, model_folders):
    """A task's answers from the model without a beginning-of-text token."""

    def ask_tiny(task: Task) -> list[Answer]:
        folder = ModelFolder("base", model_folders["base"])
        with harness() as parts:
            return ask(parts, _load(parts, folder, tasks_recipe(), "cpu", 64), task)

    return ask_tiny


def test_the_delimiter_is_scored_and_its_characters_do_not_normalise(asked, model_folders):
    items = tuple(Item(str(number), f"Box {number} is", ("red", "yellow"), 0) for number in range(8))
    for answer, item in zip(asked(Task("boxes", "own", "choice", items, delimiter=" ")), items, strict=True):
        nats = [nats_of(model_folders["base"], item.context, f" {choice}", with_bos=False) for choice in item.choices]
        assert answer.nats == pytest.approx(nats, abs=1e-4) and answer.correct_norm == float(nats[0] / 3 <= nats[1] / 6)


def test_choices_that_stand_in_the_context_share_a_continuation(asked, model_folders):
    items = tuple(Item(str(n), "", ("is round.",) * 2, n % 2, contexts=(f"Box {n} red", f"Box {n} blue")) for n in range(8))
    for answer, item in zip(asked(Task("boxes", "own", "choice", items)), items, strict=True):
        nats = [nats_of(model_folders["base"], context, " is round.", with_bos=False) for context in item.contexts or ()]
        assert answer.nats == pytest.approx(nats, abs=1e-4) and answer.correct == float(nats[item.gold] <= nats[1 - item.gold])
        assert answer.correct_norm is None


def test_a_context_or_choice_of_digits_or_braces_stays_text(asked, model_folders):
    items = (Item("0", "7", ("3", "4"), 1), Item("1", "{{gold}}", ("[1]", "{{context}}"), 0), Item("2", "context", ("choices", "gold"), 0))
    for answer, item in zip(asked(Task("digits", "own", "choice", items, delimiter="")), items, strict=True):
        nats = [nats_of(model_folders["base"], item.context, choice, with_bos=False) for choice in item.choices]
        assert answer.nats == pytest.approx(nats, abs=1e-4)


def test_generated_answers_pass_the_tasks_filters_and_meet_its_target(asked):
    generation = {
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 3, "do_sample": False},
        "filter_list": [{"name": "any", "filter": [{"function": "regex", "regex_pattern": "(.)", "fallback": "none"}, {"function": "take_first"}]}],
        "metric_list": [{"metric": "exact_match", **MEAN}],
    }
    item = Item("0", "Box", ("4 + 4 = 8",), 0)
    (first,) = asked(Task("sums", "own", "generate", (item,), generation=generation))
    letter = (first.text or "")[:1]
    (met,) = asked(Task("sums", "own", "generate", (Item("0", "Box", ("4 + 4 = 8",), 0, metadata={"target": letter or "none"}),), generation=generation))
    assert (first.correct, met.correct) == (0.0, 1.0) and met.nats == first.nats


def test_near_ties_are_those_within_rounding():
    assert Answer(1.0, None, (2.0, 2.00005, 9.0)).is_near_tie
    assert not Answer(1.0, None, (2.0, 2.001)).is_near_tie and not Answer(1.0, None, (2.0,)).is_near_tie


def test_a_number_that_is_none_is_refused(asked, monkeypatch):
    import eval.tasks.engine as engine

    monkeypatch.setattr(engine, "_scored", lambda sample, item: Answer(1.0, None, (math.inf, 1.0)))
    with pytest.raises(EvalError, match="task boxes, item q: its log-likelihood is not finite"):
        asked(Task("boxes", "own", "choice", (Item("q", "Box", ("red", "blue"), 0),)))


@pytest.mark.parametrize("name", ["base", "with_bos"])
@pytest.mark.parametrize("add_bos", [None, True, False])
def test_pairs_are_counted_as_the_harness_encodes_them(tasks_recipe, model_folders, name, add_bos):
    folder = ModelFolder(name, model_folders[name])
    pairs = [("Box is", " red"), ("Box is ", "red"), ("Box\n\n", "blue "), ("Œuvre 東京", " の"), ("<s>Box", " red"), ("a", "b"), ("", " red"), ("", "Susan")]
    with harness() as parts:
        lm = _load(parts, folder, tasks_recipe(add_bos=add_bos), "cpu", 64)
        expected = []
        for context, continuation in pairs:
            head, tail = lm._encode_pair(context, continuation) if context else ([lm.prefix_token_id], lm.tok_encode(continuation, add_special_tokens=False))
            expected.append((len(head), len(tail)))
    assert PairTokenizer(folder, add_bos).sizes(pairs) == expected


def test_items_that_a_model_cannot_be_asked_are_named(model_folders):
    tokenizer = PairTokenizer(ModelFolder("base", model_folders["base"]), None)
    items = (Item("fits", "a" * 20, ("b",), 0), Item("long", "a" * 60, ("b" * 9,), 0), Item("blank", "  ", ("b",), 0), Item("edge", "a" * 60, ("b" * 4,), 0))
    found = unfit_items(Task("t", "own", "continuation", items), tokenizer, 64)
    assert found == {"long": "it takes 69 tokens of context, 64 are allowed", "blank": "its context is only blanks"}
    generated = Task("t", "own", "generate", items[:1], generation={"generation_kwargs": {"max_gen_toks": 50}})
    assert unfit_items(generated, tokenizer, 64) == {"fits": "it takes 70 tokens of context, 64 are allowed"}


def test_a_tokenizer_that_spells_everything_loses_nothing(model_folders):
    task = Task("t", "own", "choice", (Item("0", "a", (" Œuvre", "東京\n"), 0),), delimiter="")
    assert lost_share(task, ModelFolder("base", model_folders["base"])) == (0.0, "")
    assert len(load_tokenizer(ModelFolder("base", model_folders["base"]), None)) == 258
