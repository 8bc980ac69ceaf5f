import copy
import json

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM

from tests.train.parts import CONFIGS
from train.errors import TrainError
from train.merge.embeddings import linear_map, pieces_of
from train.merge.recipe import MergeRecipe
from train.merge.run import merge
from train.merge.tokens import read_tokenizer, token_ids

SYLLABLES = [first + vowel for first in "bdfgklmnprst" for vowel in "aeiou"]
OLD_TEXT = [" ".join(a + b for a in SYLLABLES[:30]) for b in SYLLABLES[:30]]
NEW_TEXT = [" ".join(a + b + "é" for a in SYLLABLES) for b in SYLLABLES]


def write_bpe(folder, texts, n_vocab, special):
    """A byte-level BPE tokenizer with an end token of the given id."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<first>", "<end>"] if special else ["<end>"]
    trainer = trainers.BpeTrainer(vocab_size=n_vocab, special_tokens=specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<end>"}))
    return tokenizer.get_vocab_size()


def write_model(folder, n_vocab, seed, tied, eos):
    config = copy.deepcopy(CONFIGS["llama"])
    config.vocab_size, config.tie_word_embeddings, config.eos_token_id = n_vocab, tied, eos
    torch.manual_seed(seed)
    network = AutoModelForCausalLM.from_config(config)
    network.generation_config.eos_token_id = eos
    network.save_pretrained(folder)
    return network


@pytest.fixture(scope="module", params=[False, True], ids=["untied", "tied"])
def family(request, tmp_path_factory):
    """Folders base, instruct (embeddings turned by a known matrix, another body) and adapted (another vocabulary)."""
    folder = tmp_path_factory.mktemp("family")
    n_old = write_bpe(folder / "base", OLD_TEXT, 330, special=False)
    write_bpe(folder / "instruct", OLD_TEXT, 330, special=False)
    n_new = write_bpe(folder / "adapted", NEW_TEXT, 400, special=True)
    base = write_model(folder / "base", n_old, 0, request.param, 0)
    write_model(folder / "adapted", n_new, 2, request.param, 1)
    instruct = write_model(folder / "instruct", n_old, 1, request.param, 0)
    turns = {"model.embed_tokens.weight": torch.randn(32, 32), "lm_head.weight": torch.randn(32, 32)}
    if request.param:
        turns["lm_head.weight"] = turns["model.embed_tokens.weight"]
    with torch.no_grad():
        for name, turn in turns.items():
            instruct.get_parameter(name).copy_(base.get_parameter(name) @ turn)
    instruct.save_pretrained(folder / "instruct")
    (folder / "instruct" / "chat_template.jinja").write_text("{{ messages }}")
    return folder, turns


def go(folder, out, **settings):
    recipe = {"method": "lep", "base": folder / "base", "instruct": folder / "instruct", "models": [folder / "adapted"], "out": out}
    merge(MergeRecipe.model_validate(recipe | settings))
    return AutoModelForCausalLM.from_pretrained(out)


@pytest.mark.parametrize("alignment", ["swap", "overlap", "conversion"])
def test_new_embeddings_are_turned_as_instruction_tuning_turned_the_old_in_the_body_of_the_instruct_model(family, tmp_path, alignment):
    folder, turns = family
    found = go(folder, tmp_path / "out", alignment=alignment).state_dict()
    adapted = AutoModelForCausalLM.from_pretrained(folder / "adapted").state_dict()
    instruct = AutoModelForCausalLM.from_pretrained(folder / "instruct").state_dict()
    for name, tensor in found.items():
        if name not in turns:
            assert tensor.equal(instruct[name]), name
        elif alignment == "swap":
            assert tensor.equal(adapted[name])
        else:
            assert torch.allclose(tensor, adapted[name] @ turns[name], rtol=1e-4, atol=1e-4)


def test_ids_in_configs_are_those_of_the_new_vocabulary_and_the_chat_template_comes_along(family, tmp_path):
    folder, _ = family
    model = go(folder, tmp_path / "out")
    assert (model.config.eos_token_id, model.generation_config.eos_token_id) == (1, 1)
    assert model.config.vocab_size == len(token_ids(read_tokenizer(folder / "adapted")))
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == (folder / "adapted" / "tokenizer.json").read_bytes()
    assert (tmp_path / "out" / "chat_template.jinja").exists()


def test_a_new_token_is_cut_into_the_old_tokens_of_its_bytes(family):
    folder, _ = family
    old, new = Tokenizer.from_file(str(folder / "base" / "tokenizer.json")), read_tokenizer(folder / "adapted")
    ids, offsets = pieces_of(folder / "base", new)
    ends = [*offsets.tolist()[1:], len(ids)]
    names = sorted(token_ids(new), key=token_ids(new).__getitem__)
    spelled = {}
    for name, start, stop in zip(names, offsets.tolist(), ends, strict=True):
        spelled[name] = "".join(old.id_to_token(number) for number in ids[start:stop].tolist())
    assert all(name == pieces for name, pieces in spelled.items())
    assert sum(stop - start > 1 for start, stop in zip(offsets.tolist(), ends, strict=True)) > 20


def test_the_map_is_the_least_squares_solution_of_least_norm():
    source, target = torch.randn(50, 8), torch.randn(50, 8)
    assert torch.allclose(linear_map(source, target), torch.linalg.lstsq(source.double(), target.double()).solution)
    source[:, 3] = source[:, 4]
    expected = torch.linalg.lstsq(source.double(), target.double(), driver="gelsd").solution
    assert torch.allclose(linear_map(source, target), expected, atol=1e-8)


def test_vocabularies_that_spell_tokens_differently_are_refused_for_conversion(family, tmp_path):
    folder, _ = family
    for name in ("base", "instruct", "adapted"):
        (tmp_path / name).mkdir()
        for path in (folder / name).iterdir():
            (tmp_path / name / path.name).write_bytes(path.read_bytes())
    content = read_tokenizer(tmp_path / "adapted") | {"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}, "decoder": None}
    (tmp_path / "adapted" / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(TrainError, match=r"writes tokens as bytes, the adapted model's as ▁ for spaces; use alignment: overlap or swap"):
        go(tmp_path, tmp_path / "out")
