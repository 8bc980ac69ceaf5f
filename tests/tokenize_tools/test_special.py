import json

import pytest

from tests.tokenize_tools.samples import byte_fallback
from tokenize_tools.definition import read_definition
from tokenize_tools.errors import TokenizeError

FILES = ["tokenizer_config.json", "special_tokens_map.json"]


def named(folder, file, **names):
    byte_fallback(folder)
    (folder / "tokenizer_config.json").unlink()
    (folder / file).write_text(json.dumps(names))
    return folder


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(("name", "number"), [("</s>", 2), ({"content": "</s>", "lstrip": False}, 2), (None, None), ("", None)])
def test_a_role_is_named_by_text_or_by_an_object_with_it_and_null_names_none(tmp_path, file, name, number):
    assert read_definition(named(tmp_path / "llama", file, eos_token=name)).eos_id == number


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (2, "eos_token is 2, not the text of a token; the token with that id is '</s>'"),
        (2**40, "eos_token is 1099511627776, not the text of a token; write it as in tokenizer.json, or null"),
        (-1, "eos_token is -1, not"),
        (1.5, "eos_token is 1.5, not"),
        (True, "eos_token is true, not the text of a token; write it as"),
        (False, "eos_token is false, not"),
        (0, "eos_token is 0, not the text of a token; the token with that id is '<unk>'"),
        (["</s>"], 'eos_token is ["</s>"], not'),
        ([], "eos_token is [], not"),
        ({}, "eos_token is {}, not"),
        ({"content": 2}, 'eos_token is {"content": 2}, not the text of a token; the token with that id is'),
        ("</nope>", "the eos token '</nope>' is not in tokenizer.json; name one that is, or null"),
        ("\ud800", "is not in tokenizer.json"),
    ],
)
def test_any_other_name_is_refused_in_one_line_with_file_and_role(tmp_path, file, name, expected):
    folder = named(tmp_path / "llama", file, eos_token=name)
    with pytest.raises(TokenizeError) as caught:
        read_definition(folder)
    assert str(caught.value).startswith(f"{folder / file}: ") and expected in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"7", b"null", b'"x"', b"[" * 100_000, b"\xff\xfe"])
def test_a_file_that_is_not_a_json_object_is_refused(tmp_path, content):
    folder = byte_fallback(tmp_path / "llama")
    (folder / "tokenizer_config.json").write_bytes(content)
    with pytest.raises(TokenizeError, match=r"tokenizer_config\.json: not a JSON object"):
        read_definition(folder)


def test_a_folder_instead_of_the_file_is_reported(tmp_path):
    folder = byte_fallback(tmp_path / "llama")
    (folder / "special_tokens_map.json").mkdir()
    with pytest.raises(TokenizeError, match=r"special_tokens_map\.json: cannot read the names of special tokens \(Is a directory\)"):
        read_definition(folder)
