"""A small sound model that writes, ends, copies and answers in a chat template; and ways to break it."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig

from eval.probes.chat import make_instructions

LATIN = "abcdefghijklmnopqrstuvwxyz"
CYRILLIC = "абвгдежзийклмнопрстуфхцчшщ"
SPECIAL = ["<s>", "</s>", "<|user|>", "<|assistant|>", "<|end|>"]
LETTERS = ["\n", *map(chr, range(32, 127)), *CYRILLIC]
IDS = {letter: number for number, letter in enumerate([*LETTERS, *SPECIAL])}
TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
TEXT = "the river runs down past old stone walls and every winter water rises over green fields where birds rest until spring comes back again"
WORDS = tuple(TEXT.split())
COPIED = sorted({letter for word in WORDS for letter in word + word[0].upper()} | set(" .\n"))
"""The letters of documents."""
COPY = 16
"""Tokens of a sequence to copy."""
CONTEXT = 256
STEPS = 600
"""Steps after which the model is sound."""


def save_tokenizer(folder: Path) -> None:
    """One token a character, and the special tokens of a chat model."""
    tokenizer = Tokenizer(models.WordLevel(IDS, unk_token=" "))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(SPECIAL)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "chat_template": TEMPLATE}
    settings["additional_special_tokens"] = SPECIAL[2:]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def document(rng: random.Random) -> str:
    """Lines of random words, 60 to 180 characters."""
    lines = [" ".join(rng.choice(WORDS) for _ in range(rng.randint(4, 6))).capitalize() + "." for _ in range(rng.randint(2, 5))]
    return "\n".join(lines)


def _encode(text: str) -> list[int]:
    return [IDS[letter] for letter in text]


def _sample(rng: random.Random, instructions: list) -> list[int]:
    """A training row: documents, random letters that are repeated at a fixed distance, or a conversation."""
    kind = rng.random()
    if kind < 0.35:
        row: list[int] = []
        while len(row) < CONTEXT:
            row += [*_encode(document(rng)), IDS["</s>"]]
        return row[:CONTEXT]
    if kind < 0.7:
        letters = [IDS[letter] for letter in rng.sample(COPIED, COPY)]
        return (letters * (CONTEXT // COPY))[:CONTEXT]
    row = []
    while len(row) < CONTEXT:
        one = rng.choice(instructions)
        row += [IDS["<|user|>"], *_encode(one.text), IDS["<|end|>"], IDS["\n"], IDS["<|assistant|>"], *_encode(one.answer), IDS["<|end|>"], IDS["\n"]]
    return row[:CONTEXT]


def train(folder: Path, n_steps: int, seed: int = 0, log: Callable[[str], None] = lambda line: None) -> Path:
    """Train and save the sound model."""
    torch.manual_seed(seed)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=len(IDS), max_position_embeddings=CONTEXT, tie_word_embeddings=False, eos_token_id=IDS["</s>"], **sizes)
    model = AutoModelForCausalLM.from_config(config)
    rng, instructions = random.Random(seed), make_instructions(200, 999)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) / 50, 1.0) * max(1 - step / n_steps, 0.05))
    for step in range(n_steps):
        ids = torch.tensor([_sample(rng, instructions) for _ in range(8)])
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 100 == 99:
            log(f"step {step + 1}: loss {loss.item():.3f}")
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return folder
