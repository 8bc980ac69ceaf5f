import logging
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer, models

from tests.tokenize_tools.samples import byte_fallback, byte_level, prose, reference_ids, save
from tokenize_tools import backends
from tokenize_tools.backends import Ids
from tokenize_tools.definition import read_definition
from tokenize_tools.errors import TokenizeError
from tokenize_tools.probe import FAST
from tokenize_tools.selfcheck import choose_backend, differences, taken_from_text, traps


def test_auto_takes_the_first_fast_backend_that_passes(tmp_path):
    definition = read_definition(byte_level(tmp_path / "bpe"))
    assert choose_backend("auto", definition, prose(0, 3)).name == FAST[0]
    assert choose_backend("hf", definition, prose(0, 3)).name == "tokenizers"


def test_auto_gives_the_reference_ids_even_where_special_tokens_are_made_of_unknown_characters(tmp_path):
    folder = byte_fallback(tmp_path / "odd", alphabet="")
    texts = ["a </s> b", "<s>", "x<unk>y"]
    ids = choose_backend("auto", read_definition(folder), []).encode(pa.array(texts, pa.large_string()))
    assert [ids.document(index).tolist() for index in range(3)] == [reference_ids(folder, text) for text in texts]


def test_special_tokens_that_the_model_itself_finds_in_a_text_are_named(tmp_path):
    unigram = Tokenizer(models.Unigram([("<unk>", -9.0), ("</s>", 0.0), *((letter, -2.0) for letter in "</s>ab")], unk_id=0))
    unigram.add_special_tokens(["</s>"])
    assert taken_from_text(read_definition(save(tmp_path / "unigram", unigram))) == ["</s>"]
    assert taken_from_text(read_definition(byte_level(tmp_path / "bpe"))) == []


def wrong_on(text: str, maker):
    """An encoder that gives another id on one text."""

    def make(definition):
        encode = maker(definition)

        def encode_wrongly(texts):
            ids = encode(texts)
            flat = ids.flat.copy()
            for index, document in enumerate(texts.to_pylist()):
                if document == text:
                    flat[ids.offsets[index]] += 1
            return Ids(flat, ids.offsets)

        return encode_wrongly

    return make


@pytest.mark.usefixtures("fresh_backends")
def test_a_backend_that_differs_on_one_text_is_refused_and_auto_logs_why_it_falls_back(tmp_path, monkeypatch, caplog):
    definition = read_definition(byte_level(tmp_path / "bpe"))
    for name in FAST:
        monkeypatch.setattr(backends, f"_{name}", wrong_on("the odd one", getattr(backends, f"_{name}")))
    with caplog.at_level(logging.WARNING):
        assert choose_backend("auto", definition, ["the odd one"]).name == "tokenizers"
    assert "fastokens" in caplog.text and "different ids from tokenizers on 1 test texts, e.g. 'the odd one'" in caplog.text
    with pytest.raises(TokenizeError, match=r"gigatoken .* gives different ids .*; use --backend hf"):
        choose_backend("gigatoken", definition, ["the odd one"])


def test_an_unknown_backend_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(TokenizeError, match="--backend rust: unknown; known are auto, hf, fastokens, gigatoken"):
        choose_backend("rust", read_definition(byte_level(tmp_path / "bpe")), [])


def test_traps_hold_the_tokenizers_own_added_tokens_and_all_kinds_of_code_points(tmp_path):
    texts = traps(read_definition(byte_level(tmp_path / "bpe", "<extra>")))
    assert "x<|endoftext|>y" in texts and " <extra> " in texts
    assert {"\x00", "\r", "日", "\u200d", "\U0001f469", "\u0301"} <= set("".join(texts))
    assert not any(0xD800 <= ord(char) <= 0xDFFF for text in texts for char in text)


def test_differences_name_the_documents_that_differ():
    ids = Ids(np.array([1, 2, 3, 4], np.uint32), np.array([0, 1, 1, 4]))
    moved = replace(ids, offsets=np.array([0, 1, 2, 4]))
    assert differences(ids, ids) == [] and differences(moved, ids) == [1, 2]
    assert differences(replace(ids, flat=np.array([1, 2, 9, 4], np.uint32)), ids) == [2]
