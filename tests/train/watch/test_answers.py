import json
import logging
import math

import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from tests.train.parts import tiny_model, tiny_network, write_tokenizer
from tests.train.runs import curve, go
from train.devices.world import World
from train.errors import TrainError
from train.model import load_model
from train.watch.answers import AnswerBits

ALONE = World(torch.device("cpu"))


def words(first, n_words):
    return " ".join(f"w{2 + (first + 7 * number) % 90}" for number in range(n_words))


def ids_of(text):
    return [int(word[1:]) for word in text.split()]


def items_file(path, items):
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


def choice(first, n_context, n_answer):
    return {"context": words(first, n_context), "choices": [" " + words(first + 3, n_answer), " w2"], "gold": 0}


def plainly(item, start=(), row_tokens=48):
    """Bits per byte of the right answer from transformers' own forward pass over this item alone."""
    answer = item["choices"][item["gold"]] if "choices" in item else item["continuation"]
    context = [*start, *ids_of(item["context"])]
    ids = torch.tensor([[*context, *ids_of(answer)]])[:, -row_tokens:]
    with torch.no_grad():
        nats = F.cross_entropy(tiny_network()(ids).logits[0, :-1].double(), ids[0, 1:], reduction="none")
    return float(nats[-len(ids_of(answer)) :].sum()) / len(answer.encode()) / math.log(2)


ITEMS = {"law": [choice(1, 5, 2), choice(4, 30, 9), choice(9, 1, 1)], "code": [choice(2, 11, 20), {"context": "w5 w6 ", "continuation": "w7"}]}


@pytest.mark.parametrize("begins", [False, True])
def test_answers_are_scored_after_their_contexts_and_every_item_counts_once(tmp_path, begins):
    tokenizer = write_tokenizer(tmp_path / "tokenizer")
    if begins:
        encoder = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
        encoder.post_processor = TemplateProcessing(single="<end> $A", special_tokens=[("<end>", 0)])
        encoder.save(str(tokenizer / "tokenizer.json"))
    files = {name: items_file(tmp_path / f"{name}.jsonl", items) for name, items in ITEMS.items()}
    found = AnswerBits(files, tokenizer, 48, ALONE, 2).mean_bits(tiny_model())
    moved = {"context": "w5 w6", "continuation": " w7"}
    expected = {"law": ITEMS["law"], "code": [ITEMS["code"][0], moved]}
    for name, items in expected.items():
        bits = [plainly(item, [0] if begins else []) for item in items]
        if name == "code":
            bits[1] *= 3 / 2  # the blank stands in the context, so its byte is not the answer's
        assert found[name] == pytest.approx(sum(bits) / len(bits), rel=1e-5)


def test_an_answer_without_context_follows_the_first_token_of_a_text(tmp_path):
    tokenizer = write_tokenizer(tmp_path / "tokenizer")
    file = items_file(tmp_path / "items.jsonl", [{"context": "", "continuation": "w8 w9"}])
    named = json.loads((tokenizer / "tokenizer_config.json").read_text())
    for names, config, start in (
        (named | {"bos_token": {"content": "w7"}}, {}, 7),
        (named, {"bos_token_id": 3}, 0),
        ({}, {"bos_token_id": 3, "eos_token_id": 0}, 3),
        ({}, {"bos_token_id": None, "eos_token_id": [1, 0]}, 1),
    ):
        (tokenizer / "tokenizer_config.json").write_text(json.dumps(names))
        (tokenizer / "config.json").write_text(json.dumps(config))
        found = AnswerBits({"t": file}, tokenizer, 48, ALONE, 2).mean_bits(tiny_model())
        assert found["t"] == pytest.approx(plainly({"context": "", "continuation": "w8 w9"}, [start]), rel=1e-5)
    (tokenizer / "config.json").write_text("{}")
    with pytest.raises(TrainError, match=r"names no token that begins or ends a text"):
        AnswerBits({"t": file}, tokenizer, 48, ALONE, 2)


def test_a_long_context_loses_its_beginning_and_a_long_answer_is_refused(tmp_path, caplog):
    tokenizer = write_tokenizer(tmp_path / "tokenizer")
    long = choice(1, 90, 4)
    with caplog.at_level(logging.WARNING):
        found = AnswerBits({"t": items_file(tmp_path / "long.jsonl", [long])}, tokenizer, 48, ALONE, 2).mean_bits(tiny_model())
    assert found["t"] == pytest.approx(plainly(long), rel=1e-5)
    assert "evaluate.tasks.t: 1 of 1 contexts are longer than a row of 48 tokens" in caplog.text
    with pytest.raises(TrainError, match=r"evaluate.tasks.t: .*item 1: its answer has 48 tokens, rows have 48"):
        AnswerBits({"t": items_file(tmp_path / "answer.jsonl", [choice(1, 3, 48)])}, tokenizer, 48, ALONE, 2)
    with pytest.raises(TrainError, match=r"item 1: the tokenizer leaves no token for its answer ' '"):
        AnswerBits({"t": items_file(tmp_path / "blank.jsonl", [{"context": "w4", "continuation": " "}])}, tokenizer, 48, ALONE, 2)


def test_processes_score_their_parts_and_add_them_up(tmp_path, monkeypatch):
    files = {name: items_file(tmp_path / f"{name}.jsonl", items) for name, items in ITEMS.items()}
    tokenizer, model = write_tokenizer(tmp_path / "tokenizer"), tiny_model()
    alone = AnswerBits(files, tokenizer, 48, ALONE, 1).mean_bits(model)
    sums, passes = [], []
    monkeypatch.setattr(World, "sum", lambda self, tensor: sums.append(tensor.clone()) or tensor)
    for rank in range(2):
        part = AnswerBits(files, tokenizer, 48, World(torch.device("cpu"), rank, 2), 1)
        passes.append(len(part._batches))
        part.mean_bits(model)
    monkeypatch.setattr(World, "sum", lambda self, tensor: sum(sums))
    assert part.mean_bits(model) == {name: pytest.approx(bits, rel=1e-6) for name, bits in alone.items()}
    assert len(set(passes)) == 1, "a sharded model computes only where all processes do"


def test_a_run_logs_answers_at_evaluations_and_for_its_base(write_recipe, tmp_path):
    file = items_file(tmp_path / "items.jsonl", [{"context": words(2 * n, 6), "continuation": " " + words(3 * n, 2)} for n in range(5)])
    go(write_recipe(evaluate={"every_steps": 5, "at_start": True, "tasks": {"qa": str(file)}}))
    records = curve(tmp_path / "run")
    assert [record["step"] for record in records if "answer_bits" in record] == [5, 10, 12]
    assert set(records[0]["base_answer_bits"]) == {"qa"} and "bits_per_byte" not in records[4]
    assert records[4]["answer_bits"]["qa"] != records[11]["answer_bits"]["qa"]


def test_an_evaluation_of_nothing_is_refused(write_recipe):
    with pytest.raises(Exception, match="name at least one domain, or one task"):
        go(write_recipe(evaluate={"every_steps": 5}))


@pytest.mark.slow
def test_answers_have_the_bits_that_evaluate_tasks_gives_them(tmp_path):
    pytest.importorskip("lm_eval")
    from eval.tasks.recipe import TasksRecipe
    from eval.tasks.run import run_tasks
    from tests.eval.conftest import save_model

    items = [{"context": f"Box {number} is", "choices": [" red", " blue " * (1 + number % 2)], "gold": number % 2} for number in range(9)]
    items += [{"id": "blank", "context": "Ends with a blank ", "choices": ["word", "é"], "gold": 1}]
    items += [{"id": "none", "context": "", "choices": ["a", "b"], "gold": 0}]
    file = items_file(tmp_path / "boxes.jsonl", items)
    for with_bos in (False, True):
        folder = save_model(tmp_path / f"model-{with_bos}", 0, with_bos=with_bos)
        (tmp_path / "out").mkdir(exist_ok=True)
        recipe = {"name": "t", "models": {"m": folder}, "baseline": "m", "tasks": {"boxes": {"items": file}}, "device": "cpu", "n_resamples": 100}
        record = run_tasks(TasksRecipe.model_validate(recipe | {"out": tmp_path / "out" / str(with_bos)}))
        (expected,) = [row["value"] for row in record["scores"] if row["metric"] == "bits_per_byte"]
        found = AnswerBits({"boxes": file}, folder, 64, ALONE, 3).mean_bits(load_model(folder, torch.device("cpu")))
        assert found["boxes"] == pytest.approx(expected, abs=1e-5)
