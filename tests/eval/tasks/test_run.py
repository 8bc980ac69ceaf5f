"""`evaluate tasks`, from the recipe to tasks.json and the set of items."""

import math
import re
import shutil

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer

from eval.errors import EvalError
from eval.tasks import run as run_module
from eval.tasks.record import TasksRecord
from eval.tasks.run import run_tasks
from shards.read import ShardSet
from shards.record import read_record
from tests.eval.tasks.conftest import ITEMS, write_items


def nats_of(folder, context: str, continuation: str, *, with_bos: bool) -> float:
    """The definition: one sequence, float64."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    begin = [tokenizer.bos_token_id] if with_bos else []
    whole, context_ids = (begin + tokenizer(text, add_special_tokens=False).input_ids for text in (context + continuation, context))
    n_context = len(context_ids)
    with torch.no_grad():
        logs = model(torch.tensor([whole[:-1]])).logits[0].double().log_softmax(-1)
    return -sum(float(logs[position - 1, whole[position]]) for position in range(n_context, len(whole)))


@pytest.mark.parametrize("name, add_bos, with_bos", [("base", None, False), ("with_bos", None, True), ("base", True, True), ("with_bos", False, False)])
def test_nats_bits_and_accuracy_are_those_of_a_plain_loop(tasks_recipe, model_folders, name, add_bos, with_bos):
    made = tasks_recipe(models={name: model_folders[name]}, baseline=name, add_bos=add_bos)
    content = run_tasks(made)
    rows = ShardSet(made.out, "items").to_table().to_pylist()
    expected = [[nats_of(model_folders[name], item["context"], choice, with_bos=with_bos) for choice in item["choices"]] for item in ITEMS]
    for row, nats, item in zip(rows, expected, ITEMS, strict=True):
        gold = item["choices"][item["gold"]]
        assert row["nats"] == pytest.approx(nats, abs=1e-4)
        assert row["correct"] == float(min(range(len(nats)), key=nats.__getitem__) == item["gold"])
        assert row["correct_norm"] == float(min(range(len(nats)), key=lambda k: nats[k] / len(item["choices"][k])) == item["gold"])
        assert (row["gold_bytes"], row["gold_bytes_stripped"]) == (len(gold.encode()), len(gold.encode()) - 1)
        assert row["wrong_nats"] == pytest.approx(min(value for index, value in enumerate(nats) if index != item["gold"]), abs=1e-4)
    scores = {row["metric"]: row for row in content["scores"]}
    gold_nats, n_bytes = [nats[item["gold"]] for nats, item in zip(expected, ITEMS, strict=True)], [row["gold_bytes"] for row in rows]
    assert scores["bits_per_byte"]["value"] == pytest.approx(sum(n / b for n, b in zip(gold_nats, n_bytes, strict=True)) / len(rows) / math.log(2), abs=1e-6)
    assert scores["bits_per_byte"]["pooled"] == pytest.approx(sum(gold_nats) / sum(n_bytes) / math.log(2), abs=1e-6)
    assert scores["acc"]["value"] == sum(row["correct"] for row in rows) / len(rows)


def test_tasks_json_is_a_record_and_a_rerun_asks_nothing_again(tasks_recipe, monkeypatch):
    made = tasks_recipe()
    content = run_tasks(made)
    record = read_record(made.out / "tasks.json", TasksRecord)
    assert [row.metric for row in record.differences] == ["bits_per_byte", "acc"] and record.tasks["boxes"].items == 24
    before = {path.name: path.read_bytes() for path in made.out.iterdir() if path.is_file()}
    monkeypatch.setattr(run_module, "load_model", None)
    assert run_tasks(made) == content
    assert before == {path.name: path.read_bytes() for path in made.out.iterdir() if path.is_file()}


def test_a_limit_takes_a_sample_that_is_the_same_for_all_models_and_moves_with_the_seed(tasks_recipe):
    asked = {}
    for seed in (0, 1):
        made = tasks_recipe(seed=seed, limit=8)
        run_tasks(made)
        table = ShardSet(made.out, "items").to_table().to_pylist()
        first, second = ([row["item"] for row in table if row["model"] == name] for name in ("base", "adapted"))
        assert first == second and len(first) == 8 and first == sorted(first, key=lambda name: int(name[1:]))
        asked[seed] = first
    assert asked[0] != asked[1] and asked[0] != [f"q{number}" for number in range(8)]


def test_a_model_that_was_asked_other_questions_is_refused(tasks_recipe, tmp_path, model_folders):
    first = tasks_recipe(models={"base": model_folders["base"]})
    run_tasks(first)
    changed = [item | {"gold": 1 - item["gold"]} if item["id"] == "q5" else item for item in ITEMS]
    tasks = {"boxes": {"items": write_items(tmp_path / "other.jsonl", changed)}}
    second = tasks_recipe(models={"adapted": model_folders["adapted"]}, tasks=tasks, results=[first.out], out=tmp_path / "second")
    with pytest.raises(EvalError, match=r"task boxes: models adapted and base were not asked the same questions: 1 of 24 items differ, the first is q5;"):
        run_tasks(second)


def test_earlier_answers_of_a_model_that_is_asked_again_are_to_the_same_questions(tasks_recipe, tmp_path):
    first = tasks_recipe()
    run_tasks(first)
    run_tasks(tasks_recipe(results=[first.out], out=tmp_path / "same"))
    with pytest.raises(EvalError, match=r"task boxes: .* holds answers of (base|adapted) to other questions; use the same files, limit and seed"):
        run_tasks(tasks_recipe(results=[first.out], limit=7, out=tmp_path / "fewer"))


def test_earlier_results_are_compared_as_if_asked_together(tasks_recipe, tmp_path, model_folders):
    together = run_tasks(tasks_recipe(out=tmp_path / "together"))
    first = tasks_recipe(models={"base": model_folders["base"]})
    run_tasks(first)
    apart = run_tasks(tasks_recipe(models={"adapted": model_folders["adapted"]}, results=[first.out], out=tmp_path / "apart"))
    assert apart["differences"] == together["differences"]


def test_results_made_with_other_settings_are_refused(tasks_recipe, tmp_path, model_folders):
    first = tasks_recipe(models={"base": model_folders["base"]}, context_tokens=32)
    run_tasks(first)
    second = tasks_recipe(models={"adapted": model_folders["adapted"]}, results=[first.out], out=tmp_path / "second")
    with pytest.raises(EvalError, match=r"was made with other settings \(context_tokens 32 against 64\)"):
        run_tasks(second)


def test_items_longer_than_the_shortest_context_are_refused_or_left_out_for_all_models(tasks_recipe, tmp_path):
    long = [*ITEMS, {"id": "long", "context": "word " * 30, "choices": [" red", " blue"], "gold": 0}]
    tasks = {"boxes": {"items": write_items(tmp_path / "long.jsonl", long)}}
    message = r"task boxes: model base cannot be asked 1 of its 25 items; the first is long: it takes 153 tokens of context, 64 are allowed; set unfit"
    with pytest.raises(EvalError, match=message):
        run_tasks(tasks_recipe(tasks=tasks))
    content = run_tasks(tasks_recipe(tasks=tasks, unfit="leave_out"))
    assert (content["tasks"]["boxes"]["items"], content["tasks"]["boxes"]["left_out"]) == (24, 1)


def test_a_model_that_gives_no_number_is_refused_with_model_and_item(tasks_recipe, monkeypatch):
    load = run_module.load_model

    def broken(*arguments):
        model = load(*arguments)
        with torch.no_grad():
            model.get_input_embeddings().weight[:] = math.nan
        return model

    monkeypatch.setattr(run_module, "load_model", broken)
    with pytest.raises(EvalError, match="model base, task boxes, item q0: its log-likelihood is not finite"):
        run_tasks(tasks_recipe())


def test_without_the_harness_the_message_says_how_to_install_it(tasks_recipe, monkeypatch):
    from importlib import metadata

    version = metadata.version

    def missing(name):
        if name == "lm_eval":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(EvalError, match=r"pip install 'cptkit\[tasks\]'"):
        run_tasks(tasks_recipe())


def test_a_tokenizer_that_loses_the_answers_is_refused_or_gets_no_verdict(tasks_recipe, model_folders, tmp_path):
    words = {word: number for number, word in enumerate(["<unk>", "<s>", "</s>", "Box", "is", "red", *(str(number) for number in range(24))])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    shutil.copytree(model_folders["adapted"], tmp_path / "lossy")
    tokenizer.save(str(tmp_path / "lossy" / "tokenizer.json"))
    folders = {"base": model_folders["base"], "lossy": tmp_path / "lossy"}
    with pytest.raises(EvalError, match=r"task boxes: the tokenizer of model lossy loses \d\d\.\d% of its answers"):
        run_tasks(tasks_recipe(models=folders))
    content = run_tasks(tasks_recipe(models=folders, allow_lossy=True))
    assert {row["verdict"] for row in content["differences"]} == {"lossy"} and content["models"]["lossy"]["lost"]["boxes"] > 0.5


def test_recipes_name_models_that_answered_and_different_checkpoints(tasks_recipe, model_folders):
    folders = {"base": model_folders["base"], "run1": model_folders["adapted"], "run2": model_folders["adapted"]}
    with pytest.raises(EvalError, match=r"recipes\.replay: run1 and run2 are the same checkpoint, which is no second seed"):
        run_tasks(tasks_recipe(models=folders, recipes={"replay": ["run1", "run2"]}))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"baseline": "bas"}, "baseline: no model is called bas"),
        ({"recipes": {"base": ["adapted"]}}, "recipes: base is also the name of a model"),
        ({"recipes": {"r": []}}, "recipes.r: no models"),
        ({"recipes": {"r": ["adapted", "other"]}}, "recipes.r: no model is called other"),
        ({"recipes": {"r": ["base", "adapted"], "s": ["adapted"]}}, "recipes.s: adapted is already a run of r"),
        ({"recipes": {"r": ["adapted"]}}, "recipes: each has a single run"),
        ({"tasks": {"a/b": {"items": "x"}}}, "tasks: 'a/b' is no name of a task"),
        ({"tasks": {"a": {"items": "x", "yaml": "y"}}}, "give one of suite, items and yaml, got items and yaml"),
        ({"tasks": {"a": {"suite": "mmlu"}}}, "suite and path go together"),
        ({"tasks": {"a": {"items": "x", "shots": 5}}}, "shots and only are for suites"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(tasks_recipe, changes, message):
    with pytest.raises(ValueError, match="(?s).*" + re.escape(message)):
        tasks_recipe(**changes)


def test_a_suite_is_read_asked_and_named(tasks_recipe, tmp_path):
    for paradigm in ("boxes", "doors"):
        pairs = [{"sentence_good": f"{number} {paradigm} are red.", "sentence_bad": f"{number} {paradigm} is red.", "UID": paradigm} for number in range(12)]
        write_items(tmp_path / "blimp" / f"{paradigm}.jsonl", [pair | {"pairID": str(number)} for number, pair in enumerate(pairs)])
    content = run_tasks(tasks_recipe(tasks={"pairs": {"suite": "blimp", "path": tmp_path / "blimp"}}))
    facts = content["tasks"]["pairs"]
    assert (facts["suite"], facts["kind"], facts["items"], facts["subtasks"], facts["chance"]) == ("blimp", "choice", 24, 2, 0.5)
    assert {row["subtask"] for row in content["subtasks"]} == {"boxes", "doors"} and all("macro" in row for row in content["differences"])


def test_a_suite_that_is_not_there_says_how_to_get_it(tasks_recipe, tmp_path):
    with pytest.raises(EvalError, match="mmlu"):
        run_tasks(tasks_recipe(tasks={"mmlu": {"suite": "mmlu", "path": tmp_path / "nowhere"}}))
    with pytest.raises(EvalError, match="did you mean mmlu"):
        run_tasks(tasks_recipe(tasks={"mmlu": {"suite": "mmlus", "path": tmp_path}}))
