import hashlib

import pytest

from mix.stream import open_mix
from tests.train.parts import ROW_TOKENS, tiny_network, write_mix, write_tokenizer
from tokenize_tools.definition import read_definition
from train.errors import TrainError
from train.fit import check_fit


def folder_of(tmp_path, **changes):
    network = tiny_network()
    network.config.update(changes)
    network.config.save_pretrained(tmp_path)
    return tmp_path


def test_a_matching_model_is_accepted(base, mix):
    check_fit(base, open_mix(mix))


def test_a_vocabulary_too_small_is_refused_with_both_sizes(tmp_path, mix):
    with pytest.raises(TrainError, match=r"has 50 token ids, mix .*mix uses 96"):
        check_fit(folder_of(tmp_path, vocab_size=50), open_mix(mix))


def test_a_tokenizer_of_other_bytes_is_refused_naming_both(tmp_path, mix):
    folder = write_tokenizer(folder_of(tmp_path))
    (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text() + "\n")
    with pytest.raises(TrainError, match=rf"{folder}/tokenizer.json .* is not that of mix {mix}"):
        check_fit(folder, open_mix(mix))


def test_a_model_without_tokenizer_is_judged_by_its_vocabulary(tmp_path, mix):
    check_fit(folder_of(tmp_path), open_mix(mix))


def test_rows_longer_than_the_model_allows_are_refused(tmp_path, mix):
    with pytest.raises(TrainError, match=f"at most 32 tokens .* have {ROW_TOKENS}"):
        check_fit(folder_of(tmp_path, max_position_embeddings=32), open_mix(mix))


def test_a_tokenizer_hash_is_that_of_the_tokenize_room(tmp_path, base):
    assert read_definition(base).sha256 == hashlib.sha256((base / "tokenizer.json").read_bytes()).hexdigest()
    check_fit(base, open_mix(write_mix(tmp_path, read_definition(base).sha256, n_tokens=2000)))
