"""Broken models must be found by the probe of what is broken, and by no probe of what is whole."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from eval.probes.recipe import ProbesRecipe
from eval.probes.run import run
from tests.eval.conftest import save_documents
from tests.eval.probes import planted
from tests.eval.probes.planted import CYRILLIC, IDS, LATIN

Change = Callable[[dict[str, torch.Tensor]], None]


def head_row(letter: str, scale: float) -> Change:
    def change(tensors):
        tensors["lm_head.weight"][IDS[letter]] *= scale

    return change


def without_attention(tensors):
    for name in tensors:
        if "self_attn.o_proj" in name:
            tensors[name].zero_()


def sharper(tensors):
    tensors["lm_head.weight"] *= 3


def in_another_script(tensors):
    latin, cyrillic = ([IDS[letter] for letter in letters] for letters in (LATIN, CYRILLIC))
    tensors["lm_head.weight"][latin + cyrillic] = tensors["lm_head.weight"][cyrillic + latin]


def noise_in_one_layer(tensors):
    torch.manual_seed(0)
    for name in tensors:
        if "layers.1.mlp" in name:
            tensors[name] += torch.randn_like(tensors[name]) * tensors[name].std() * 0.5


def cycle(tensors):
    """Every token is followed by the next of a cycle, whatever came before."""
    for name in tensors:
        if "o_proj" in name or "down_proj" in name:
            tensors[name].zero_()
    words = torch.linalg.qr(torch.randn(64, 64, generator=torch.Generator().manual_seed(0)))[0]
    letters = [IDS[letter] for letter in "a b."]
    tensors["model.embed_tokens.weight"][:] = words[4]
    tensors["model.embed_tokens.weight"][letters] = words[:4]
    tensors["lm_head.weight"].zero_()
    for number in range(4):
        tensors["lm_head.weight"][letters[(number + 1) % 4]] = 20 * words[number]
    tensors["lm_head.weight"][letters[0]] += 20 * words[4]


BROKEN: dict[str, Change] = {
    "copy": lambda tensors: None,
    "no_attention": without_attention,
    "no_end": head_row("</s>", 0.0),
    "no_turn": head_row("<|end|>", 0.0),
    "sharper": sharper,
    "other_script": in_another_script,
    "noise": noise_in_one_layer,
    "cycle": cycle,
}
MUST = {
    "copy": set(),
    "no_attention": {"copied_tokens", "copying_gain"},
    "no_end": {"end_probability"},
    "no_turn": {"ends_turn", "gold_answer_bits"},
    "sharper": {"calibration_error"},
    "other_script": {"wrong_script_letters"},
    "noise": set(),
    "cycle": {"greedy_loops", "sampled_loops", "greedy_repeated_4_grams", "sampled_repeated_4_grams"},
}
"""What must be worse."""
MUST_NOT = {
    "no_end": {"copied_tokens", "wrong_script_letters", "ends_turn", "format_followed", "role_leaks", "gold_answer_bits", "greedy_loops"},
    "no_turn": {"copied_tokens", "wrong_script_letters", "end_probability", "greedy_loops", "sampled_loops", "calibration_error"},
    "sharper": {"copied_tokens", "wrong_script_letters", "ends_turn", "format_followed", "role_leaks", "greedy_loops", "greedy_repeated_4_grams"},
    "other_script": {"end_probability", "sampled_loops", "sampled_repeated_4_grams"},
    "cycle": {"wrong_script_letters"},
}
"""What must not be worse: the change does not touch it."""


def plant(sound: Path, folder: Path, change: Change) -> Path:
    shutil.copytree(sound, folder)
    tensors = load_file(sound / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    home = tmp_path_factory.mktemp("planted")
    sound = planted.train(home / "sound", planted.STEPS)
    rng = random.Random(5)
    fields = {
        "name": "planted",
        "models": {"sound": sound} | {name: plant(sound, home / name, change) for name, change in BROKEN.items()},
        "baseline": "sound",
        "domains": {"text": {"documents": save_documents(home / "documents", [planted.document(rng) for _ in range(60)]), "clusters": "none"}},
        "generation": {"prompts": 40, "prompt_bytes": 40, "tokens": 48},
        "copying": {"sequences": 40, "length": planted.COPY},
        "in_context": None,
        "chat": {"items": 10, "tokens": 40},
        "calibration": {"max_documents": 40, "bytes_per_document": 200},
        "n_resamples": 1000,
        "threads": 1,
        "out": home / "probes",
    }
    return run(ProbesRecipe.model_validate(fields))


def worse(content: dict, model: str) -> set[str]:
    return {row["measure"] for row in content["differences"] if row["model"] == model and row["verdict"] == "worse"}


@pytest.mark.slow
def test_the_sound_model_does_what_the_probes_ask_for(content):
    values = {row["measure"]: row["value"] for row in content["scores"] if row["model"] == "sound"}
    assert values["copied_tokens"] > 0.8 and values["ends_turn"] > 0.9 and values["format_followed"] > 0.5
    assert values["end_probability"] > 0.1 and values["wrong_script_letters"] < 0.01 and values["calibration_error"] < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("model", MUST)
def test_what_is_broken_is_found(content, model):
    assert worse(content, model) >= MUST[model]


@pytest.mark.slow
@pytest.mark.parametrize("model", MUST_NOT)
def test_what_is_whole_is_not_flagged(content, model):
    assert not worse(content, model) & MUST_NOT[model]


@pytest.mark.slow
def test_an_unbroken_copy_is_not_flagged_at_all(content):
    assert all(row["delta"] == 0 for row in content["differences"] if row["model"] == "copy")


@pytest.mark.slow
def test_drift_points_to_what_was_changed(content):
    def moved(model: str) -> set[tuple[int | None, str]]:
        return {(cell["layer"], cell["part"]) for cell in content["drift"][model]["cells"] if cell["relative"]}

    assert moved("noise") == {(1, "mlp")} and moved("copy") == set()
    assert moved("sharper") == moved("other_script") == moved("no_end") == {(None, "head")}
    assert moved("no_attention") == {(0, "attention"), (1, "attention")}
