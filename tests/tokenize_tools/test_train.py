import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from tests.tokenize_tools.samples import ODD, documents_set, prose
from tokenize_tools import train
from tokenize_tools.definition import reference_tokenizer
from tokenize_tools.errors import TokenizeError
from tokenize_tools.round_trip import changed_scalars, scalars
from tokenize_tools.train import train_tokenizer


@pytest.fixture(autouse=True, scope="module")
def some_characters_for_all():
    """Testing all characters takes seconds; only the slow test at the end does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "changed_scalars", lambda tokenizer: changed_scalars(tokenizer, [*scalars()[::997], "▁", "\0", "\n", " "]))
        yield


def trained(folder, documents, sample_bytes=1 << 29):
    train_tokenizer(documents, 500, sample_bytes, folder)
    return folder


def test_transformers_loads_it_and_every_text_survives_the_round_trip(tmp_path):
    documents = documents_set(tmp_path / "documents", prose(0, 60))
    tokenizer = AutoTokenizer.from_pretrained(trained(tmp_path / "tokenizer", [documents]))
    assert len(tokenizer) == 500
    assert tokenizer.eos_token_id == tokenizer.bos_token_id == tokenizer.pad_token_id == 0
    assert [tokenizer.decode(tokenizer(text).input_ids) for text in ODD] == ODD


def test_digits_are_split_into_groups_of_at_most_three(tmp_path):
    documents = documents_set(tmp_path / "documents", ["12345678 " * 50, "123 1234 12345 " * 50])
    tokenizer = AutoTokenizer.from_pretrained(trained(tmp_path / "tokenizer", [documents]))
    assert max(len(token) for token in tokenizer.get_vocab() if token.isdigit()) == 3


def test_the_same_documents_give_the_same_files_however_they_are_batched(tmp_path):
    texts = prose(0, 60)
    folders = [trained(tmp_path / f"t{n}", [documents_set(tmp_path / f"d{n}", texts, batch=n)]) for n in (3, 20)]
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_a_vocabulary_too_small_for_the_bytes_and_sets_without_text_are_refused(tmp_path):
    documents = documents_set(tmp_path / "documents", prose(0, 3))
    with pytest.raises(TokenizeError, match="--vocab-size 256: at least 257"):
        train_tokenizer([documents], 256, 1000, tmp_path / "tokenizer")
    with pytest.raises(TokenizeError, match="empty: no text"):
        train_tokenizer([documents_set(tmp_path / "empty", [""])], 500, 1000, tmp_path / "tokenizer")
    assert not (tmp_path / "tokenizer").exists()


KINDS = ("bpe", "unigram", "sentencepiece-bpe", "sentencepiece-unigram")


@pytest.fixture(scope="module")
def all_kinds(tmp_path_factory):
    home = tmp_path_factory.mktemp("kinds")
    documents = documents_set(home / "documents", [*prose(0, 150), "日本語の文章です。" * 20, *ODD])
    return {kind: (home / kind, train_tokenizer([documents], 600, 1 << 20, home / kind, kind)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_loads_in_transformers_and_restores_odd_texts_and_every_character(all_kinds, kind):
    folder, figures = all_kinds[kind]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert figures["changed_scalars"] == [] and tokenizer.eos_token_id is not None
    assert (folder / "tokenizer.model").exists() == kind.startswith("sentencepiece")
    texts = [*ODD, " two  spaces ", "▁ ▁▁x <0x0A> <s>", "\r\n \n\t"]
    assert [tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) for text in texts if "</s>" not in text] == [
        t for t in texts if "</s>" not in t
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_special_tokens_and_bytes_in_a_text_are_encoded_as_text(all_kinds, kind):
    folder, _ = all_kinds[kind]
    tokenizer = reference_tokenizer((folder / "tokenizer.json").read_text(encoding="utf-8"))
    ids = tokenizer.encode("<s> </s> <unk> <|endoftext|> <0x0A>", add_special_tokens=False).ids
    named = {"<s>", "</s>", "<unk>", "<|endoftext|>", "<0x0A>"}
    assert not named & {tokenizer.id_to_token(number) for number in ids}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_unicode_scalar_survives_the_round_trip(all_kinds, kind):
    folder, _ = all_kinds[kind]
    assert len(scalars()) == 1_112_064
    assert changed_scalars(Tokenizer.from_file(str(folder / "tokenizer.json"))) == []
