import json
from types import SimpleNamespace

import pytest
import torch

from eval.models import ModelFolder, ModelTokenizer
from eval.probes.chat import leaks_role, make_instructions, template_of
from eval.probes.items import from_table
from eval.probes.measure import Inputs, chat
from eval.probes.recipe import ProbesRecipe
from tests.eval.conftest import save_model
from tests.eval.probes.planted import IDS, save_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = save_model(tmp_path_factory.mktemp("chat"), 0)
    save_tokenizer(folder)
    return ModelTokenizer(ModelFolder("chat", folder))


def test_right_answers_have_the_form_that_was_asked_for_and_others_do_not():
    instructions = make_instructions(5, seed=0)
    assert len({one.text for one in instructions}) > 15 and {one.form for one in instructions} == {"letter", "json", "list", "number"}
    for one in instructions:
        assert one.followed(one.answer) and one.followed(one.answer + "\n")
        for other in ("", "I am not sure.", f"The answer is {one.answer}", one.answer + "\nAnything else?"):
            assert not one.followed(other), (one.form, other)
    assert make_instructions(3, 0)[0].text == make_instructions(5, 0)[0].text != make_instructions(3, 1)[0].text


def test_right_answers_are_right():
    for one in make_instructions(5, seed=1):
        if one.form == "letter":
            word = next(line[3:] for line in one.text.splitlines() if line.startswith(f"{one.answer})"))
            assert word in ("blue", "green", "red", "yellow", "white", "black")
        elif one.form == "number":
            assert int(one.answer) == len(one.text.split('"')[1])
        elif one.form == "json":
            name, age = one.text.split(" is ")[0], one.text.split(" is ")[1].split()[0]
            assert json.loads(one.answer) == {"name": name, "age": int(age)}


def test_the_template_tells_its_end_of_turn_and_its_roles(tokenizer):
    template = template_of(tokenizer.hugging_face)
    assert template.end_of_turn == IDS["<|end|>"]
    assert template.render("Hello") == "<|user|>Hello<|end|>\n<|assistant|>"
    assert leaks_role("Hi\n<|user|>more", template.markers) and leaks_role("Hi<|assistant|>Hi", template.markers)
    assert not leaks_role("Hi, user and assistant", template.markers)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (None, "its tokenizer has no chat template"),
        ("{{ raise_exception('roles must alternate') }}", "its chat template fails"),
        ("always the same", "its chat template leaves out the messages"),
    ],
)
def test_templates_that_cannot_be_used_are_told(tokenizer, template, why):
    def apply(messages, tokenize, add_generation_prompt):
        if "raise" in template:
            raise ValueError("roles must alternate")
        return template

    assert why in template_of(SimpleNamespace(chat_template=template, apply_chat_template=apply))


def _common(one: list[int], other: list[int]) -> int:
    """Length of the common beginning."""
    return next((index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


class Scripted:
    """Answers every instruction with the next of `answers`, whatever it is asked."""

    def __init__(self, prompts: list[list[int]], answers: list[list[int]]) -> None:
        self.texts = [prompt + answer for prompt, answer in zip(prompts, answers, strict=True)]
        self.device = torch.device("cpu")
        self.generation_config = SimpleNamespace(eos_token_id=None)

    def __call__(self, input_ids, past_key_values=None, use_cache=False):
        logits = torch.zeros(*input_ids.shape, len(IDS))
        for row, ids in enumerate(input_ids.tolist()):
            text = max(self.texts, key=lambda text: _common(text, ids))
            for index in range(min(_common(text, ids), len(text) - 1)):
                logits[row, index, text[index + 1]] = 30.0
        return SimpleNamespace(logits=logits)


def answered(tokenizer, change) -> dict[str, list[float]]:
    instructions = make_instructions(1, seed=0)
    template = template_of(tokenizer.hugging_face)

    def ids(text: str) -> list[int]:
        return tokenizer.hugging_face(text, add_special_tokens=False).input_ids

    model = Scripted([ids(template.render(one.text)) for one in instructions], [ids(change(one.answer)) for one in instructions])
    recipe = ProbesRecipe.model_validate({"name": "t", "models": {"m": "m"}, "baseline": "m", "domains": {"d": "d"}, "out": "o", "chat": {"items": 1}})
    subject = SimpleNamespace(model=model, tokenizer=tokenizer, ends=[IDS["</s>"]], require_room=lambda *arguments: None)
    result = chat(subject, subject, Inputs([], [], [], instructions, [], [], {}), recipe)
    found: dict[str, list[float]] = {}
    for item in from_table(result.tables["items"]):
        found.setdefault(item.measure, []).append(item.numerator)
    return found


def test_answers_are_judged_by_end_form_and_role(tokenizer):
    good = answered(tokenizer, lambda answer: f"{answer}<|end|>")
    assert good["ends_turn"] == good["format_followed"] == [1] * 4 and good["role_leaks"] == [0] * 4
    ended_otherwise = answered(tokenizer, lambda answer: f"{answer}</s>")
    assert ended_otherwise["ends_turn"] == [0] * 4 and ended_otherwise["format_followed"] == [1] * 4
    leaking = answered(tokenizer, lambda answer: f"{answer}\n<|user|>And now?<|end|>")
    assert leaking["role_leaks"] == [1] * 4 and leaking["ends_turn"] == [1] * 4 and leaking["format_followed"] == [0] * 4
    endless = answered(tokenizer, lambda answer: "well " * 20)
    assert endless["ends_turn"] == endless["format_followed"] == [0] * 4


def test_bits_of_a_right_answer_count_its_end_of_turn(tokenizer):
    assert max(answered(tokenizer, lambda answer: f"{answer}<|end|>")["gold_answer_bits"]) < 0.01
    assert min(answered(tokenizer, lambda answer: f"{answer}</s>")["gold_answer_bits"]) > 20
