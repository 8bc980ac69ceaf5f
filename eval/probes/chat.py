"""Instruction format: what a chat model must still do after continued pre-training, whatever it knows.

Short instructions are rendered by the model's own chat template. An answer keeps the format if it ends with the template's end-of-turn token, has the
form that was asked for, and does not go on in another role. Whether it is right does not matter here; the bits of a right answer are measured beside.
"""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

_ANSWER, _FIRST, _SECOND = "ANSWERTEXT", "FIRSTTEXT", "SECONDTEXT"
_WORDS = ("stone", "river", "cloud", "table", "garden", "window", "bread", "paper", "winter", "bridge", "candle", "forest")
_COLOURS = ("blue", "green", "red", "yellow", "white", "black")
_NAMES = ("Ana", "Ben", "Carla", "David", "Emma", "Felix", "Grace", "Hugo")
_KINDS = {"fruits": ("apple", "pear", "plum", "cherry", "grape"), "animals": ("dog", "cat", "horse", "cow", "sheep")}


class Instruction(NamedTuple):
    """`text` to the model, and a right `answer`; `followed` says whether an answer has the form that was asked for."""

    form: str
    text: str
    answer: str
    followed: Callable[[str], bool]


def make_instructions(n_items: int, seed: int) -> list[Instruction]:
    """`n_items` instructions of each form, the same for every model."""
    return [make(np.random.default_rng([seed, number, item])) for number, make in enumerate(FORMS) for item in range(n_items)]


def _letter(rng: np.random.Generator) -> Instruction:
    colour, place = str(rng.choice(_COLOURS)), int(rng.integers(4))
    choices = [str(word) for word in rng.choice(_WORDS, 3, replace=False)]
    choices.insert(place, colour)
    listed = "\n".join(f"{letter}) {choice}" for letter, choice in zip("ABCD", choices, strict=True))
    text = f"Which of these words is a colour?\n{listed}\nAnswer with one letter and nothing else."
    return Instruction("letter", text, "ABCD"[place], lambda answer: re.fullmatch(r"\(?[A-D][.):]?", answer.strip()) is not None)


def _json(rng: np.random.Generator) -> Instruction:
    name, age = str(rng.choice(_NAMES)), int(rng.integers(18, 90))
    text = f'{name} is {age} years old. Write this as a JSON object with the keys "name" and "age", and nothing else.'
    return Instruction("json", text, json.dumps({"name": name, "age": age}), lambda answer: _has_keys(answer, {"name", "age"}))


def _has_keys(answer: str, keys: set[str]) -> bool:
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and set(value) == keys


def _list(rng: np.random.Generator) -> Instruction:
    kind, n = str(rng.choice(list(_KINDS))), int(rng.integers(2, 5))
    text = f'List exactly {n} {kind}, one on each line. Begin each line with "- " and write nothing else.'
    answer = "\n".join(f"- {word}" for word in rng.choice(_KINDS[kind], n, replace=False))
    return Instruction("list", text, answer, lambda given: _is_list(given, n))


def _is_list(answer: str, n: int) -> bool:
    lines = answer.strip().splitlines()
    return len(lines) == n and all(re.fullmatch(r"- \S.*", line) for line in lines)


def _number(rng: np.random.Generator) -> Instruction:
    word = str(rng.choice(_WORDS))
    text = f'How many letters does the word "{word}" have? Answer with a number in digits and nothing else.'
    return Instruction("number", text, str(len(word)), lambda answer: re.fullmatch(r"\d+\.?", answer.strip()) is not None)


FORMS = (_letter, _json, _list, _number)


class Template(NamedTuple):
    """A tokenizer's chat template: `render` an instruction up to the answer; the token that ends a turn, None if the template has none; and the
    `markers` that begin a turn, which no answer may contain."""

    render: Callable[[str], str]
    end_of_turn: int | None
    markers: tuple[str, ...]


def template_of(tokenizer: Any) -> Template | str:
    """The template of a transformers tokenizer, or why there is none to use."""
    if not tokenizer.chat_template:
        return "its tokenizer has no chat template"

    def show(*contents: str, answering: bool) -> str:
        roles = ("user", "assistant")
        messages = [{"role": roles[number % 2], "content": content} for number, content in enumerate(contents)]
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=answering))

    try:
        answered, asked = show(_FIRST, _ANSWER, answering=False), show(_FIRST, _ANSWER, _SECOND, answering=True)
    except Exception as error:
        return f"its chat template fails ({str(error).strip().splitlines()[0][:100] if str(error) else type(error).__name__})"
    if _ANSWER not in answered or _ANSWER not in asked or _SECOND not in asked:
        return "its chat template leaves out the messages"
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    after = tokenizer(answered.split(_ANSWER, 1)[1], add_special_tokens=False).input_ids
    end = next((token for token in after if token in special), None)
    between = asked.split(_ANSWER, 1)[1].split(_SECOND, 1)
    ending = tokenizer.decode([end]) if end is not None else ""
    markers = tuple(dict.fromkeys(part.replace(ending, "").strip() if ending else part.strip() for part in between))
    return Template(lambda text: show(text, answering=True), end, tuple(marker for marker in markers if marker))


def leaks_role(answer: str, markers: tuple[str, ...]) -> bool:
    """Whether an answer, with its special tokens as text, goes on in another role."""
    return any(marker in answer for marker in markers)
