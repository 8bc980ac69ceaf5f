import json

import pytest
from tokenizers import Tokenizer

from tests.tokenize_tools.samples import byte_fallback, byte_level
from tokenize_tools.definition import read_definition
from tokenize_tools.errors import TokenizeError


def edit(folder, **changes):
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def test_special_tokens_come_from_the_config_beside_it(tmp_path):
    definition = read_definition(byte_fallback(tmp_path / "llama"))
    assert (definition.bos_id, definition.eos_id, definition.pad_id, definition.starts_with_bos) == (1, 2, None, True)
    assert definition.label == "llama" and definition.id_bytes == 2


def test_a_file_and_its_folder_are_the_same_tokenizer(tmp_path):
    folder = byte_level(tmp_path / "bpe")
    assert read_definition(folder) == read_definition(folder / "tokenizer.json")


def test_the_vocabulary_size_is_the_largest_id_plus_one_despite_holes(tmp_path):
    folder = byte_level(tmp_path / "holes")
    parsed = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    parsed["model"]["vocab"]["unreachable"] = 70_000
    edit(folder, model=parsed["model"])
    definition = read_definition(folder)
    assert definition.n_vocab == 70_001 and definition.id_bytes == 4


def test_truncation_in_the_file_does_not_shorten_documents(tmp_path):
    folder = byte_level(tmp_path / "short")
    edit(folder, truncation={"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0})
    assert len(Tokenizer.from_str(read_definition(folder).json_text).encode("one two three four five six seven").ids) > 3


def test_added_tokens_that_the_library_would_renumber_are_refused(tmp_path):
    folder = byte_level(tmp_path / "moved", "<extra>")
    added = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
    added[-1]["id"] += 5
    edit(folder, added_tokens=added)
    with pytest.raises(TokenizeError, match=r"'<extra>' has id 605 in the file but 600 once loaded; list it in model.vocab"):
        read_definition(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file; give a tokenizer.json"), ("not json", "not a Hugging Face tokenizer.json"), ("[1]", "not a Hugging Face tokenizer.json")],
)
def test_a_file_that_is_not_a_tokenizer_is_refused_in_one_line(tmp_path, content, message):
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(TokenizeError, match=message) as caught:
        read_definition(tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_sentencepiece_model_is_refused_with_the_way_to_convert_it(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(b"x")
    for path in (tmp_path, tmp_path / "tokenizer.model"):
        with pytest.raises(TokenizeError, match="holds a SentencePiece model and no tokenizer"):
            read_definition(path)


def test_a_named_special_token_that_does_not_exist_is_refused(tmp_path):
    folder = byte_level(tmp_path / "bpe")
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<end>"}')
    with pytest.raises(TokenizeError, match=r"the eos token '<end>' is not in tokenizer.json"):
        read_definition(folder)
