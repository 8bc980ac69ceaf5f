import pytest

from tests.records import edit
from tests.tokenize_tools.exchange.sets import SHORT_LENGTHS, tokens_set
from tests.tokenize_tools.samples import byte_level
from tokenize_tools.errors import TokenizeError
from tokenize_tools.exchange.exporting import export
from tokenize_tools.exchange.facts import ExchangeFacts, given_facts
from tokenize_tools.exchange.importing import import_tokens


def test_facts_come_from_a_tokenizer_or_from_options_never_from_both(tmp_path):
    folder = byte_level(tmp_path / "bpe")
    read = given_facts(folder, None, None, None)
    assert (read.tokenizer, read.n_vocab, read.eos_id) == ("bpe", 600, 0)
    assert given_facts(folder, None, None, 7).eos_id == 7
    assert given_facts(None, "a" * 64, 1000, 3) == ExchangeFacts("a" * 12, "a" * 64, 1000, None, 3, None)
    assert given_facts(None, None, None, None) is None
    for options, message in [
        ((folder, "a" * 64, None, None), "leave out --tokenizer-sha256"),
        ((None, "a" * 64, None, None), "both --tokenizer-sha256 and --n-vocab"),
        ((None, "abc", 10, None), "not 64 hexadecimal digits"),
        ((None, "a" * 64, 10, 10), "has ids 0 to 9"),
    ]:
        with pytest.raises(TokenizeError, match=message):
            given_facts(*options)


@pytest.mark.parametrize("name", ["tokenizer", "tokenizer_sha256", "n_vocab"])
def test_a_note_without_the_facts_that_every_tokenizer_has_asks_for_the_tokenizer(tmp_path, name):
    export(tokens_set(tmp_path / "tokens", SHORT_LENGTHS), "olmo", tmp_path / "out")
    edit(tmp_path / "out" / "cptkit.json", lambda note: note.update({name: None}))
    with pytest.raises(TokenizeError, match=f"does not say {name}; give the tokenizer with --tokenizer"):
        import_tokens([tmp_path / "out"], "olmo", tmp_path / "back")
