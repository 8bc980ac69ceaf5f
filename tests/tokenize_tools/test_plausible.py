import json

import pytest

from tests.tokenize_tools.samples import byte_fallback, byte_level
from tokenize_tools.definition import read_definition
from tokenize_tools.errors import TokenizeError


def edited(folder, edit):
    path = folder / "tokenizer.json"
    parsed = json.loads(path.read_text(encoding="utf-8"))
    edit(parsed)
    path.write_text(json.dumps(parsed), encoding="utf-8")
    return folder


def refused(folder, edit):
    """The message, which is one line that names the file and says what to do."""
    edited(folder, edit)
    with pytest.raises(TokenizeError) as caught:
        read_definition(folder)
    message = str(caught.value)
    assert message.startswith(f"{folder / 'tokenizer.json'}: ") and "\n" not in message and "save the tokenizer again" in message
    return message


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (2**32 - 1, "has the id 4294967295, not one from 0 to 2147483647"),
        (2**31, "has the id 2147483648, not one from 0"),
        (2**31 - 1, "has the id 2147483647, too large for the number of tokens (ids must be below 1048576)"),
        (2**20, "too large for the number of tokens"),
        (10**30, "not a whole number"),
        (-1, "has the id -1, not one from 0"),
        (1.5, "has the id 1.5, not a whole number"),
        ("7", "has the id '7', not a whole number"),
        (True, "has the id True, not a whole number"),
        (None, "has the id null, not a whole number"),
        (7, "have the same id 7"),
    ],
)
@pytest.mark.parametrize("added", [False, True])
def test_an_implausible_id_is_refused_with_its_token_before_a_library_reads_it(tmp_path, number, expected, added):
    def edit(parsed):
        if not added:
            parsed["model"]["vocab"]["new"] = number
        elif number == 7:
            parsed["added_tokens"] += [parsed["added_tokens"][0] | {"content": content, "id": 7} for content in ("other", "new")]
        else:
            parsed["added_tokens"].append(parsed["added_tokens"][0] | {"content": "new", "id": number})

    message = refused(byte_level(tmp_path / "bpe"), edit)
    assert expected in message and "'new'" in message


def test_ids_may_have_holes_within_the_bound(tmp_path):
    folder = byte_level(tmp_path / "bpe")
    edited(folder, lambda parsed: parsed["model"]["vocab"].update({"far": 2**20 - 1}))
    assert read_definition(folder).n_vocab == 2**20


def test_merges_in_the_older_form_are_accepted(tmp_path):
    folder = byte_level(tmp_path / "bpe")
    n_vocab = read_definition(folder).n_vocab
    edited(folder, lambda parsed: parsed["model"].update(merges=["#version: 0.2", *(" ".join(pair) for pair in parsed["model"]["merges"])]))
    assert read_definition(folder).n_vocab == n_vocab


@pytest.mark.parametrize(
    ("merge", "expected"),
    [
        (["nope", "t"], "merge 0, 'nope' and 't': the token 'nope' is not in model.vocab"),
        (["t", "nope"], "the token 'nope' is not in model.vocab"),
        (["!", "?"], "the token '!?' is not in model.vocab"),
        (["t"], "merge 0 is ['t'], not two tokens"),
        ("a b c", "merge 0 is 'a b c', not two tokens"),
        (None, "merge 0 is null, not two tokens"),
    ],
)
def test_a_merge_of_missing_tokens_is_refused(tmp_path, merge, expected):
    assert expected in refused(byte_level(tmp_path / "bpe"), lambda parsed: parsed["model"]["merges"].insert(0, merge))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"added_tokens": None}, "added_tokens is null, not a list"),
        ({"added_tokens": {"a": 1}}, "added_tokens is {'a': 1}, not a list"),
        ({"added_tokens": [7]}, "added_tokens[0] is 7, not an object"),
        ({"added_tokens": [{"id": 3, "special": True}]}, "added_tokens[0]: content is null, not the text of a token"),
        ({"added_tokens": [{"id": 3, "content": "x"}]}, "added_tokens[0], the token 'x': special is null, not true or false"),
        ({"model": {"type": "BPE", "vocab": {}, "merges": []}}, "model.vocab holds no token"),
        ({"model": {"type": "BPE", "vocab": "abc", "merges": []}}, "model.vocab is 'abc', not an object"),
        ({"model": {"type": "BPE", "vocab": {"a": 1}, "merges": 5}}, "model.merges is 5, not a list"),
        ({"model": {"type": "Unigram", "vocab": [["a", -1.0], ["b", "x"]]}}, "model.vocab[1] is ['b', 'x'], not a piece and its score"),
    ],
)
def test_a_part_of_the_wrong_type_is_named(tmp_path, change, expected):
    assert expected in refused(byte_fallback(tmp_path / "llama"), lambda parsed: parsed.update(change))


def test_json_nested_too_deeply_is_refused(tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"a": 0}}, "x": "@"}).replace('"@"', "[" * 400 + "]" * 400))
    with pytest.raises(TokenizeError, match=r"tokenizer\.json: not a Hugging Face tokenizer\.json"):
        read_definition(tmp_path)
