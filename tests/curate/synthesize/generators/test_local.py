"""The local generator: a transformers model of this machine."""

import asyncio
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from curate.errors import CurateError
from curate.synthesize.generators.base import Answer
from curate.synthesize.generators.local import TransformersGenerator, model_name
from curate.synthesize.generators.recipe import TransformersRecipe
from shards.read import ShardSet
from tests.curate.synthesize.asking import Seen, requests
from tests.curate.synthesize.sets import prose, recipe, synthesize, write_documents

CHAT = "{% for message in messages %}{{ message.content }} {% endfor %}"
WORDS = ["<unk>", "<end>", "number", "word", "the", "sea", "is", "blue", "and", "cold", *map(str, range(30))]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """Random weights, a vocabulary of whole words, a chat template."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<end>")
    fast.chat_template = CHAT
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64, eos_token_id=1
    )
    network = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(0, 0.3)
    network.save_pretrained(folder)
    return folder


def answers(model: Path, batch: int, asked, *, chat: bool = True) -> dict[str, Answer]:
    seen = Seen()

    async def go() -> None:
        generator = TransformersGenerator(TransformersRecipe(kind="transformers", model=str(model), batch=batch, device="cpu"), chat=chat)
        await generator.answer(iter(asked), seen.take, seen)
        await generator.close()

    asyncio.run(go())
    return seen.outcomes  # type: ignore[return-value]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_answers_do_not_depend_on_what_shares_a_batch(model, temperature):
    asked = [request for n in (3, 8, 12) for request in requests(20, words=n, max_tokens=12, temperature=temperature)[n : n + 5]]
    asked = list({request.key: request for request in asked}.values())
    alone, together = answers(model, 1, asked), answers(model, 7, asked)
    assert alone == together and len({one.text for one in alone.values()}) > 5


def test_samples_follow_the_softmax(model):
    """First tokens of 3,000 draws against the model's own probabilities."""
    request = requests(1, words=3, max_tokens=1, temperature=0.8)[0]
    asked = [type(request)(f"{seed:032x}", request.messages, "", request.body, seed, 0) for seed in range(3000)]
    drawn = answers(model, 500, asked)
    network = AutoModelForCausalLM.from_pretrained(model).requires_grad_(False)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(model)
    ids = tokenizer(tokenizer.apply_chat_template([{"role": "user", "content": request.messages[0][1]}], tokenize=False), return_tensors="pt").input_ids
    expected = torch.softmax(network(ids).logits[0, -1] / 0.8, -1)
    for index, word in enumerate(WORDS[2:], 2):
        share, p = sum(one.text == word for one in drawn.values()) / 3000, float(expected[index])
        assert abs(share - p) < 4.5 * (p * (1 - p) / 3000) ** 0.5 + 1e-3, word


def test_the_end_token_and_stop_texts_end_an_answer(model):
    asked = requests(30, words=4, max_tokens=40, temperature=1.5, stop=("blue",))
    found = answers(model, 8, asked)
    assert not any("blue" in one.text or "<end>" in one.text for one in found.values())
    reasons = {one.finish_reason for one in found.values()}
    assert reasons == {"stop", "length"}
    assert all(one.completion_tokens == 40 for one in found.values() if one.finish_reason == "length")


def test_prompts_longer_than_the_context_are_told_and_the_others_answered(model):
    asked = [*requests(1, words=5, max_tokens=20), *requests(2, words=60, max_tokens=20)[1:]]
    short, long = (answers(model, 4, asked)[request.key] for request in asked)
    assert not short.failure
    assert long.failure == "context_length" and "in a context of 64" in long.detail


def test_a_model_without_chat_template_is_told_and_takes_plain_prompts(model, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    for file in model.iterdir():
        if file.name != "chat_template.jinja":
            (bare / file.name).write_bytes(file.read_bytes())
    with pytest.raises(CurateError, match=r"no chat template; use a task with prompt\.completion"):
        answers(bare, 1, requests(1))
    assert answers(bare, 1, requests(1, chat=False, words=3, max_tokens=5), chat=False)
    with pytest.raises(CurateError, match=r"no config\.json there"):
        answers(tmp_path, 1, [])
    recipes = [TransformersRecipe(kind="transformers", model=str(folder)) for folder in (model, bare)]
    assert model_name(recipes[0]) != model_name(recipes[1])


def test_a_run_with_a_local_model_makes_documents(model, tmp_path):
    task = {"prompt": {"completion": "{{ text | truncate(40, True, '') }}"}, "parser": {"kind": "text"}, "output": {"template": "{{ item.text }}"}}
    made = recipe(tmp_path, write_documents(tmp_path / "corpus", prose(6)), "http://unused/v1", task, sampling={"max_tokens": 8, "samples": 2})
    for key in ("base_urls", "concurrency"):
        made.write_text("".join(line for line in made.read_text().splitlines(keepends=True) if key not in line))
    report = synthesize(made, "generator.kind=transformers", f"generator.model={model}")
    assert report["counts"]["documents"] == 12 == len(set(ShardSet(tmp_path / "out" / "documents").to_table()["text"].to_pylist()))
