import json
import subprocess

import pytest
import torch
from transformers import LlamaConfig

from shards.recipe import load_recipe
from tests.commands import command
from tests.train.parts import ROW_TOKENS, tiny_network
from train.errors import TrainError
from train.plan.advice import in_words, most_rows, ways_to_fit
from train.plan.gpus import GIB, gpu_by_name, gpu_of_device, known_gpus
from train.plan.memory import MemoryPlanner
from train.plan.parameters import count_parameters
from train.plan.plan import hardware, plan, refuse_what_does_not_fit, sparkline, turning_points
from train.recipe import TrainRecipe

H100 = hardware("h100", 1, 0.4, 2.0, None, None)


@pytest.fixture(scope="module")
def billion(tmp_path_factory):
    """A Llama of 1.24B parameters: its configuration alone."""
    folder = tmp_path_factory.mktemp("billion")
    shape = {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64}
    LlamaConfig(vocab_size=128256, max_position_embeddings=8192, tie_word_embeddings=True, **shape).save_pretrained(folder)
    return folder


def recipe_of(folder, **changes):
    return TrainRecipe.model_validate({"name": "b", "model": str(folder), "mix": "none", "precision": "bf16", "batch_rows": 64} | changes)


def test_a_plan_of_a_run_says_what_the_run_then_does(write_recipe, mix):
    recipe = load_recipe(write_recipe(), TrainRecipe)
    content = plan(recipe, H100)
    assert content["rows"]["steps"] == 12 and content["rows"]["rows"] == 96
    assert content["rows"]["tokens"] == sum(content["stages"][0]["tokens"].values())
    assert content["stages"][0]["tokens"]["even"] == pytest.approx(3 * content["stages"][0]["tokens"]["odd"], abs=2 * ROW_TOKENS)
    assert content["learning_rate"]["points"]["2"] == 0.01
    assert content["time"]["cost"] == 2 * content["time"]["hours"]
    refuse_what_does_not_fit(content)


def test_the_command_prints_a_plan(write_recipe):
    shown = subprocess.run(command("train", "plan", write_recipe(), "--gpu", "h100"), capture_output=True, text=True)
    assert shown.returncode == 0 and "Learning rate" in shown.stdout and "Tokens by source" in shown.stdout, shown.stderr


def test_a_plan_is_one_json_object(write_recipe):
    content = plan(load_recipe(write_recipe(), TrainRecipe), hardware("l4", 1, 0.4, None, None, None))
    assert json.loads(json.dumps(content))["hardware"]["tflops"] == 121


def test_memory_of_mixed_precision_is_18_bytes_a_parameter_on_one_device_and_16_sharded(billion):
    planner = MemoryPlanner(billion, 1024, on_gpu=True)
    n_parameters = 1235814400
    lasting = ("parameters", "masters", "gradients", "moments")
    one, eight = planner.memory(recipe_of(billion)), planner.memory(recipe_of(billion), 8)
    assert sum(one.parts[name] for name in lasting) == pytest.approx(18 * n_parameters, rel=1e-6)
    assert sum(eight.parts.get(name, 0) for name in lasting) == pytest.approx(16 * n_parameters / 8, rel=1e-6)
    assert eight.parts["gathered weights"] > 2 * 262668288, "embeddings, in two bytes, and two layers"


def test_adapters_take_two_bytes_a_frozen_weight_and_all_the_rest_for_themselves(billion):
    memory = MemoryPlanner(billion, 1024, on_gpu=True).memory(recipe_of(billion, adapt={"lora": {"rank": 8}}, micro_batch_rows=1))
    trained = memory.parameters.trainable
    assert 0 < trained < 0.01 * memory.parameters.total
    assert memory.parts["moments"] == pytest.approx(8 * trained, rel=1e-3)
    assert memory.parts["parameters"] == pytest.approx(2 * memory.parameters.total, rel=1e-6)


def test_weights_in_four_bits_are_refused_with_what_to_do(billion):
    with pytest.raises(TrainError, match="4-bit weights can't be planned; plan without it"):
        MemoryPlanner(billion, 1024, on_gpu=True).memory(recipe_of(billion, adapt={"lora": {"rank": 8}, "quantize": {}}))


@pytest.mark.slow
def test_what_does_not_fit_is_refused_with_ways_that_do(billion):
    small = hardware("rtx-4090", 1, 0.4, None, None, None)
    content = plan(recipe_of(billion, micro_batch_rows=4, optimizer={"kind": "adamw8bit"}), small, 4096, 10**9)
    with pytest.raises(TrainError, match=r"does not fit: .* GiB on each of 1 x rtx-4090 with 23.6 GiB; it would fit with "):
        refuse_what_does_not_fit(content)
    fitting = [way for way in content["memory"]["ways"] if way["total"] <= small.memory_bytes]
    assert any("devices" in way["change"] for way in fitting)


def test_the_largest_micro_batch_fits_and_one_row_more_does_not(billion):
    planner, recipe, available = MemoryPlanner(billion, 2048, on_gpu=True), recipe_of(billion), 40 * GIB
    rows = most_rows(recipe, 1, available, planner.memory)
    totals = [planner.memory(recipe.model_copy(update={"micro_batch_rows": n})).total for n in (rows, rows + 1)]
    assert totals[0] <= available < totals[1]


def test_nothing_helps_is_said_too(billion):
    planner, recipe = MemoryPlanner(billion, 1024, on_gpu=True), recipe_of(billion, activation_checkpointing="full", micro_batch_rows=1)
    ways = ways_to_fit(recipe, 1, GIB, planner.memory)
    assert "nothing alone is enough" in in_words(ways, GIB)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"gpu": "h999"}, "--gpu h999: not in the table; known are h100"),
        ({"n_devices": 0}, "give at least one device"),
        ({"mfu": 1.5}, "share of the peak above 0"),
    ],
)
def test_hardware_that_cannot_be_is_refused(arguments, words):
    given = {"gpu": "h100", "n_devices": 1, "mfu": 0.4, "price": None, "memory_gib": None, "tflops": None} | arguments
    with pytest.raises(TrainError, match=words):
        hardware(**given)


def test_a_gpu_that_no_table_has_can_be_given():
    assert hardware("mine", 2, 0.4, None, 100.0, 500.0).memory_bytes == 100 * GIB


def test_bad_requests_are_refused_in_one_line(billion, tmp_path):
    with pytest.raises(TrainError, match="give both, to plan without a mix"):
        plan(recipe_of(billion), H100, 4096)
    with pytest.raises(TrainError, match=r"takes at most 8192 tokens .* rows asked for have 16384"):
        plan(recipe_of(billion), H100, 16384, 10**9)
    with pytest.raises(TrainError, match=r"no config\.json"):
        plan(recipe_of(tmp_path), H100, 4096, 10**9)
    with pytest.raises(TrainError, match="64 rows do not divide over 3 processes"):
        plan(recipe_of(billion), hardware("h100", 3, 0.4, None, None, None), 4096, 10**9)


@pytest.mark.parametrize(
    "device, name",
    [
        ("NVIDIA H100 80GB HBM3", "h100"), ("NVIDIA H100 PCIe", "h100-pcie"), ("NVIDIA H100 NVL", "h100-nvl"), ("NVIDIA H200", "h200"),
        ("NVIDIA A100-SXM4-80GB", "a100"), ("NVIDIA A100-SXM4-40GB", "a100-40gb"), ("NVIDIA L40S", "l40s"), ("NVIDIA L4", "l4"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"), ("NVIDIA RTX A6000", "a6000"), ("Tesla T4", None),
    ],
)  # fmt: skip
def test_a_device_name_finds_its_gpu_or_none(device, name):
    found = gpu_of_device(device)
    assert (found.name if found else None) == name


def test_every_gpu_of_the_table_is_found_by_its_name_and_has_a_source():
    assert all(gpu_by_name(gpu.name) == gpu and gpu.source for gpu in known_gpus())


def test_parameters_are_counted_by_what_they_are_for():
    counted = count_parameters(tiny_network("qwen2"))
    assert sum(counted.by_part.values()) == counted.total == counted.trainable
    assert counted.by_part["embeddings"] == counted.by_part["head"] == 96 * 32
    assert counted.by_part["norms"] == 5 * 32
    assert counted.by_part["feed-forward"] == 2 * 3 * 32 * 48


def test_a_curve_is_drawn_and_its_turns_are_told():
    assert sparkline([0.0, 1.0, 2.0, 4.0]) == "▁▃▅█"
    assert len(sparkline([1.0] * 1000)) == 60
    assert turning_points(lambda step: min(step, 4, 9 - step), 8, [6]) == {1: 1, 4: 4, 5: 4, 6: 3, 8: 1}


def test_no_gpu_here_gives_no_hours():
    if not torch.cuda.is_available():
        assert hardware(None, 1, 0.4, None, None, None).tflops is None
