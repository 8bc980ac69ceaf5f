import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from eval.probes.in_context import TASKS, answer_questions, continuation_nats, make_questions

RULES = {
    "copy": lambda word: word,
    "reverse": lambda word: word[::-1],
    "rotate": lambda word: word[1:] + word[0],
    "first": lambda word: word[0],
    "last": lambda word: word[-1],
    "double": lambda word: word[0] * 2 + word[1] * 2,
}


def read(prompt: str) -> tuple[list[tuple[str, str]], str]:
    *solved, query = prompt.split("\n")
    pairs = [tuple(part.replace(" ", "") for part in line.split(">")) for line in solved]
    return pairs, query.replace(" ", "").removesuffix(">")


def test_examples_follow_the_rule_and_the_first_answer_is_right():
    for question in make_questions(4, 5, 3, seed=0):
        pairs, query = read(question.prompt)
        answers = [answer.replace(" ", "") for answer in question.answers]
        if question.task == "mapping":
            to = {a: b for word, answer in pairs for a, b in zip(word, answer, strict=True)}
            assert answers[0] == "".join(to[symbol] for symbol in query)
        else:
            assert all(RULES[question.task](word) == answer for word, answer in pairs) and answers[0] == RULES[question.task](query)
        assert len(set(answers)) == 4 and len({len(answer) for answer in answers}) == 1


def test_the_control_has_the_same_words_and_answers_in_other_pairs():
    for question in make_questions(4, 5, 3, seed=0):
        pairs, query = read(question.prompt)
        others, same_query = read(question.control)
        assert same_query == query and [word for word, _ in others] == [word for word, _ in pairs]
        assert sorted(answer for _, answer in others) == sorted(answer for _, answer in pairs)
        assert question.control != question.prompt


def test_questions_depend_on_the_seed_alone_and_cover_every_task():
    assert make_questions(2, 4, 3, 0) == make_questions(2, 4, 3, 0) != make_questions(2, 4, 3, 1)
    assert [question.task for question in make_questions(1, 2, 5, 0)] == list(TASKS)


class Solver:
    """Reads the examples as text, finds the rule that fits them, and is sure of its answer."""

    device = torch.device("cpu")

    def __call__(self, input_ids, use_cache=False):
        logits = torch.zeros(*input_ids.shape, 128)
        for row, ids in enumerate(input_ids.tolist()):
            text = "".join(map(chr, ids))
            end = text.rindex(">") + 1
            pairs, query = read(text[:end])
            fits = [rule for rule in RULES.values() if all(rule(word) == answer for word, answer in pairs)]
            if fits:
                for offset, letter in enumerate("".join(f" {symbol}" for symbol in fits[0](query))):
                    if end - 1 + offset < len(ids):
                        logits[row, end - 1 + offset, ord(letter)] = 9.0
        return SimpleNamespace(logits=logits)


def encode(texts):
    return [np.frombuffer(text.encode(), np.uint8).astype(np.int64) for text in texts]


def test_a_model_that_finds_rules_is_right_and_gains_from_the_examples():
    questions = [question for question in make_questions(3, 6, 3, seed=0) if question.task != "mapping"]
    for question, one in zip(questions, answer_questions(Solver(), encode, questions, [], 8), strict=True):
        assert one.rank == 1 and one.nats < 1 and one.control_nats > one.nats + 5
        assert one.symbols == question.answers[0].count(" ")


def test_a_model_that_knows_nothing_is_never_ranked_first_by_a_tie():
    class Nothing(Solver):
        def __call__(self, input_ids, use_cache=False):
            return SimpleNamespace(logits=torch.zeros(*input_ids.shape, 128))

    answered = answer_questions(Nothing(), encode, make_questions(1, 2, 3, seed=0), [], 8)
    assert all(one.rank == 4 and one.nats == pytest.approx(one.control_nats) for one in answered)


def test_a_token_of_probability_zero_costs_100_nats():
    class Never(Solver):
        def __call__(self, input_ids, use_cache=False):
            logits = torch.zeros(*input_ids.shape, 4)
            logits[..., 2] = -math.inf
            return SimpleNamespace(logits=logits)

    pairs = [(np.array([1]), np.array([2, 1])), (np.array([1, 1, 1]), np.array([3]))]
    assert continuation_nats(Never(), pairs, 8) == pytest.approx([100 + math.log(3), math.log(3)])
