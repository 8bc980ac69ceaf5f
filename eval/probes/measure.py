"""Probes one model: each probe is one restartable task, whose tables hold items and generated texts."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch

from eval.errors import EvalError
from eval.held_out import HeldOut
from eval.probes.calibration import Predictions, binned, predictions
from eval.probes.chat import Instruction, leaks_role, template_of
from eval.probes.copying import copy_nats, random_sequences
from eval.probes.drift import measure_drift
from eval.probes.generate import continue_prompts, greedy, nucleus
from eval.probes.in_context import Question, answer_questions, continuation_nats
from eval.probes.items import ITEMS, Item, number, to_batch
from eval.probes.low_bits import load_quantized
from eval.probes.prompts import Prompt
from eval.probes.recipe import ProbesRecipe
from eval.probes.subject import Subject
from eval.probes.texts import Generated, repetition_items
from eval.score.nats import score_documents

TEXTS = pa.schema(
    [
        ("mode", pa.string()),
        ("domain", pa.string()),
        ("doc_id", pa.binary(16)),
        ("text", pa.large_string()),
        ("tokens", pa.list_(pa.int64())),
        ("ended", pa.bool_()),
    ]
)
BINS = pa.schema(
    [("domain", pa.string()), ("doc_id", pa.binary(16)), ("bin", pa.int64()), ("confidence", pa.float64()), ("right", pa.float64()), ("tokens", pa.float64())]
)
"""Sums over the tokens of a document and bin."""
SCHEMAS = {"items": ITEMS, "texts": TEXTS, "bins": BINS}
_LONGEST_WINDOW = 1024


@dataclass(frozen=True)
class Inputs:
    """What all models are given."""

    prompts: list[Prompt]
    pieces: list[str]
    questions: list[Question]
    instructions: list[Instruction]
    calibration: list[HeldOut]
    low_bits: list[HeldOut]
    clusters: Mapping[str, Mapping[bytes, int]]
    """Domain → document → label; documents with equal labels are not independent."""


class Result(NamedTuple):
    """A probe's tables by name, those of `SCHEMAS`, and its other figures as JSON."""

    tables: dict[str, pa.RecordBatch]
    info: dict[str, Any]


Work = Callable[[Subject, Subject, Inputs, ProbesRecipe], Result]
"""(model, baseline, inputs, recipe) → result"""


def generation(subject: Subject, _base: Subject, inputs: Inputs, recipe: ProbesRecipe) -> Result:
    """Continuations of all prompts, greedy and sampled, and the probability of the end of text where documents end."""
    settings = recipe.generation
    assert settings is not None
    prompts = subject.started([prompt.text for prompt in inputs.prompts])
    longest = max(map(len, prompts))
    subject.require_room(longest + settings.tokens, "generation", "lower generation.prompt_bytes or generation.tokens")
    uniforms = np.stack([np.random.default_rng([recipe.seed, *prompt.doc_id]).random(settings.tokens) for prompt in inputs.prompts])
    picks = {"greedy": greedy, "sampled": nucleus(uniforms, settings.temperature, settings.top_p)}
    texts = []
    for mode, pick in picks.items():
        made = continue_prompts(subject.model, prompts, n_tokens=settings.tokens, ends=subject.ends, pick=pick, batch=recipe.batch)
        for prompt, one in zip(inputs.prompts, made, strict=True):
            text = subject.tokenizer.decode(one.tokens)
            texts.append(Generated(mode, prompt.domain, prompt.doc_id, text, one.tokens.tolist(), one.end is not None))
    items = repetition_items(texts) + _ends(subject, inputs.prompts, recipe.batch)
    return Result({"items": to_batch(items), "texts": pa.RecordBatch.from_pylist([one._asdict() for one in texts], schema=TEXTS)}, {})


def _ends(subject: Subject, prompts: list[Prompt], batch: int) -> list[Item]:
    """Probability of the end of text after the last tokens of each document; none for models without such a token."""
    if not subject.ends:
        return []
    last = [subject.windows(ids, _LONGEST_WINDOW)[0] if len(ids) <= 256 else ids[-256:] for ids in _whole(subject, prompts)]
    limit = subject.context or len(max(last, key=len))
    items = []
    for first in range(0, len(last), batch):
        chosen = [ids[-limit:] for ids in last[first : first + batch]]
        inputs = np.zeros((len(chosen), max(map(len, chosen))), np.int64)  # padded on the right
        for row, ids in enumerate(chosen):
            inputs[row, : len(ids)] = ids
        with torch.inference_mode():
            logits = subject.model(input_ids=torch.from_numpy(inputs).to(subject.model.device), use_cache=False).logits
        for row, ids in enumerate(chosen):
            probability = float(torch.softmax(logits[row, len(ids) - 1].double(), 0)[subject.ends].sum())
            prompt = prompts[first + row]
            items.append(Item("end_probability", prompt.domain, prompt.doc_id, probability, 1.0))
    return items


def _whole(subject: Subject, prompts: list[Prompt]) -> list[np.ndarray]:
    return subject.tokenizer.encode([prompt.text + prompt.rest for prompt in prompts])


def copying(subject: Subject, _base: Subject, inputs: Inputs, recipe: ProbesRecipe) -> Result:
    """Loss on the first and the second copy of random tokens."""
    settings = recipe.copying
    assert settings is not None
    subject.require_room(2 * settings.length + len(subject.start), "copying", "lower copying.length")
    chosen = random_sequences(len(inputs.pieces), settings.sequences, settings.length, recipe.seed)
    ids = np.array([subject.tokenizer.vocabulary[piece] for piece in inputs.pieces], np.int64)
    items = []
    for index, one in enumerate(copy_nats(subject.model, ids[chosen], subject.start, recipe.batch)):
        figures = {
            "copied_tokens": one.right,
            "copying_gain": one.first_nats - one.second_nats,
            "first_copy_loss": one.first_nats,
            "second_copy_loss": one.second_nats,
        }
        items += [Item(name, "", number(index), float(value), float(one.tokens)) for name, value in figures.items()]
    return Result({"items": to_batch(items)}, {})


def in_context(subject: Subject, _base: Subject, inputs: Inputs, recipe: ProbesRecipe) -> Result:
    """Ranks and bits of the right answers of all questions."""
    prompts = subject.tokenizer.encode([question.prompt + max(question.answers, key=len) for question in inputs.questions])
    subject.require_room(max(map(len, prompts)) + len(subject.start), "in_context", "lower in_context.demonstrations")
    answered = answer_questions(subject.model, subject.tokenizer.encode, inputs.questions, subject.start, recipe.batch)
    items, found = [], dict.fromkeys((question.task for question in inputs.questions), 0)
    for index, (question, one) in enumerate(zip(inputs.questions, answered, strict=True)):
        bits, control = (nats / math.log(2) for nats in (one.nats, one.control_nats))
        items += [
            Item("rule_found", "", number(index), float(one.rank == 1), 1.0),
            Item("gain_from_examples", "", number(index), control - bits, float(one.symbols)),
            Item("answer_bits", "", number(index), bits, float(one.symbols)),
        ]
        found[question.task] += one.rank == 1
    n_items = len(inputs.questions) // len(found)
    return Result({"items": to_batch(items)}, {"rule_found": {task: n / n_items for task, n in found.items()}})


def chat(subject: Subject, _base: Subject, inputs: Inputs, recipe: ProbesRecipe) -> Result:
    """Form of the answers to instructions in the model's chat template."""
    settings = recipe.chat
    assert settings is not None
    tokenizer = subject.tokenizer.hugging_face
    template = template_of(tokenizer)
    if isinstance(template, str):
        return Result({"items": to_batch([])}, {"skipped": template})

    def ids_of(text: str) -> np.ndarray:
        return np.array(tokenizer(text, add_special_tokens=False).input_ids, np.int64)

    prompts = [ids_of(template.render(one.text)) for one in inputs.instructions]
    subject.require_room(max(map(len, prompts)) + settings.tokens, "chat", "lower chat.tokens, or set chat: null")
    turn = [template.end_of_turn] if template.end_of_turn is not None else []
    made = continue_prompts(subject.model, prompts, n_tokens=settings.tokens, ends=sorted({*subject.ends, *turn}), batch=recipe.batch)
    gold = [(prompt, np.append(ids_of(one.answer), turn).astype(np.int64)) for prompt, one in zip(prompts, inputs.instructions, strict=True)]
    nats = continuation_nats(subject.model, gold, recipe.batch)
    items, answers = [], []
    for index, (instruction, one) in enumerate(zip(inputs.instructions, made, strict=True)):
        shown = str(tokenizer.decode(one.tokens.tolist(), skip_special_tokens=False))
        text = subject.tokenizer.decode(one.tokens)
        figures = {
            "ends_turn": one.end is not None and one.end in (turn or subject.ends),
            "format_followed": instruction.followed(text),
            "role_leaks": leaks_role(shown, template.markers),
        }
        items += [Item(name, "", number(index), float(value), 1.0) for name, value in figures.items()]
        items.append(Item("gold_answer_bits", "", number(index), float(nats[index]) / math.log(2), float(len(instruction.answer.encode()))))
        answers.append({"form": instruction.form, "instruction": instruction.text, "answer": shown, **{name: bool(value) for name, value in figures.items()}})
    first_of_each = {answer["form"]: answer for answer in reversed(answers)}
    return Result({"items": to_batch(items)}, {"answers": list(first_of_each.values())[::-1]})


def calibration(subject: Subject, _base: Subject, inputs: Inputs, recipe: ProbesRecipe) -> Result:
    """Confidence, correctness, entropy and loss of next tokens in held-out text."""
    settings = recipe.calibration
    assert settings is not None
    items, rows = [], []
    for held_out in inputs.calibration:
        windows = [subject.windows(ids, _LONGEST_WINDOW) for ids in subject.tokenizer.encode(held_out.sample.texts)]
        flat = iter(predictions(subject.model, [window for one in windows for window in one], recipe.batch))
        documents = [_joined([next(flat) for _ in one]) for one in windows]
        sums = binned(documents, settings.bins)
        for doc_id, n_bytes, one, bins in zip(held_out.sample.ids, held_out.sample.n_bytes.tolist(), documents, sums, strict=True):
            n = len(one.nats)
            sure = float((one.confidence - one.right).mean()) * n_bytes if n else 0.0
            items.append(Item("overconfidence", held_out.name, doc_id, sure, float(n_bytes if n else 0)))
            items.append(Item("entropy_minus_loss", held_out.name, doc_id, float((one.entropy - one.nats).sum()) / math.log(2), float(n_bytes)))
            rows += [(held_out.name, doc_id, index, *values) for index, values in enumerate(bins.tolist())]
    columns = [pa.array(list(column), field.type) for column, field in zip(zip(*rows, strict=True), BINS, strict=True)]
    return Result({"items": to_batch(items), "bins": pa.record_batch(columns, schema=BINS)}, {})


def _joined(windows: list[Predictions]) -> Predictions:
    return Predictions(*(np.concatenate(column) for column in zip(*windows, strict=True)))


def low_bits(subject: Subject, _base: Subject, inputs: Inputs, recipe: ProbesRecipe) -> Result:
    """Bits per byte with full weights and with weights in low bits."""
    settings = recipe.low_bits
    assert settings is not None
    nats = {"full": _text_nats(subject, subject.model, inputs.low_bits, recipe)}
    for weights in settings.formats:
        quantized = load_quantized(subject.folder, weights, recipe.dtype, subject.device)
        try:
            nats[weights] = _text_nats(subject, quantized, inputs.low_bits, recipe)
        except (AssertionError, RuntimeError, NotImplementedError) as error:  # kernels for sizes that bitsandbytes cannot handle on this device
            raise EvalError(
                f"low_bits: bitsandbytes cannot run model {subject.folder.name} with {weights} weights on {subject.device} "
                f"({str(error).splitlines()[0] if str(error) else type(error).__name__}); use another device, or leave {weights} out"
            ) from None
    items = []
    for held_out in inputs.low_bits:
        for row, (doc_id, n_bytes) in enumerate(zip(held_out.sample.ids, held_out.sample.n_bytes.tolist(), strict=True)):
            full = nats["full"][held_out.name][row]
            for name, by_domain in nats.items():
                value = by_domain[held_out.name][row]
                items.append(Item(f"bits_per_byte_{name}", held_out.name, doc_id, value / math.log(2), float(n_bytes)))
                if name != "full":
                    items.append(Item(f"lost_by_{name}", held_out.name, doc_id, (value - full) / math.log(2), float(n_bytes)))
    return Result({"items": to_batch(items)}, {})


def _text_nats(subject: Subject, model: Any, texts: list[HeldOut], recipe: ProbesRecipe) -> dict[str, list[float]]:
    window = min(_LONGEST_WINDOW, subject.context or _LONGEST_WINDOW)
    scored = {}
    for held_out in texts:
        tokens = subject.tokenizer.encode(held_out.sample.texts)
        scores = score_documents(
            model,
            tokens,
            bos_id=subject.tokenizer.bos_id,
            n_vocab=subject.tokenizer.n_vocab,
            context_tokens=window,
            stride_tokens=window,
            batch_tokens=recipe.batch * window,
        )
        scored[held_out.name] = scores.nats.tolist()
    return scored


def drift(subject: Subject, base: Subject, _inputs: Inputs, recipe: ProbesRecipe) -> Result:
    """Distance of the weights from the baseline's."""
    settings = recipe.drift
    assert settings is not None
    if subject.folder.name == base.folder.name:
        return Result({"items": to_batch([])}, {"skipped": "it is the baseline"})
    vocabularies = base.tokenizer.vocabulary, subject.tokenizer.vocabulary
    return Result({"items": to_batch([])}, measure_drift(base.folder, subject.folder, vocabularies, settings.rows))


WORKS: dict[str, Work] = {
    "generation": generation,
    "copying": copying,
    "in_context": in_context,
    "chat": chat,
    "calibration": calibration,
    "low_bits": low_bits,
    "drift": drift,
}
"""Probe → what it does with a model. `language` reads the texts of `generation` and needs no model."""


def require_finite(batches: Iterable[pa.RecordBatch], model: str, probe: str) -> None:
    """Raise EvalError if a figure of an item is NaN or infinite."""
    for batch in batches:
        values = batch.column("numerator").to_numpy()
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            measure, item = batch.column("measure")[row].as_py(), batch.column("item")[row].as_py().hex()
            raise EvalError(f"model {model}: {measure} of item {item} in probe {probe} is not finite; the checkpoint is damaged or has diverged")
