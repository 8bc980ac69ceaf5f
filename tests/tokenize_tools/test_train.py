import pytest
from transformers import AutoTokenizer

from tests.tokenize_tools.samples import ODD, documents_set, prose
from tokenize_tools.errors import TokenizeError
from tokenize_tools.texts import open_documents, sample_batches
from tokenize_tools.train import train_tokenizer


def trained(folder, documents, sample_bytes=1 << 29):
    train_tokenizer(documents, 500, sample_bytes, folder)
    return folder


def test_transformers_loads_it_and_every_text_survives_the_round_trip(tmp_path):
    documents = documents_set(tmp_path / "documents", prose(0, 60))
    tokenizer = AutoTokenizer.from_pretrained(trained(tmp_path / "tokenizer", [documents]))
    assert len(tokenizer) == 500
    assert tokenizer.eos_token_id == tokenizer.bos_token_id == tokenizer.pad_token_id == 0
    assert [tokenizer.decode(tokenizer(text).input_ids) for text in ODD] == ODD


def test_digits_are_cut_in_groups_of_at_most_three(tmp_path):
    documents = documents_set(tmp_path / "documents", ["12345678 " * 50, "123 1234 12345 " * 50])
    tokenizer = AutoTokenizer.from_pretrained(trained(tmp_path / "tokenizer", [documents]))
    assert max(len(token) for token in tokenizer.get_vocab() if token.isdigit()) == 3


def test_the_same_documents_give_the_same_files_however_they_are_batched(tmp_path):
    texts = prose(0, 60)
    folders = [trained(tmp_path / f"t{n}", [documents_set(tmp_path / f"d{n}", texts, batch=n)]) for n in (3, 20)]
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_a_sample_is_about_the_size_asked_for_and_independent_of_order(tmp_path):
    texts = prose(0, 400)
    some = open_documents(documents_set(tmp_path / "some", texts))
    reversed_ = open_documents(documents_set(tmp_path / "reversed", texts[::-1]))
    total = sum(len(text.encode()) for text in texts)
    samples = [[text for batch in sample_batches([one], total // 4, ["text"]) for text in batch.column("text").to_pylist()] for one in (some, reversed_)]
    assert samples[0] == samples[1][::-1]
    assert 0.15 < sum(len(text.encode()) for text in samples[0]) / total < 0.35
    assert sum(batch.num_rows for batch in sample_batches([some], total, ["text"])) == 400


def test_a_vocabulary_too_small_for_the_bytes_and_sets_without_text_are_refused(tmp_path):
    documents = documents_set(tmp_path / "documents", prose(0, 3))
    with pytest.raises(TokenizeError, match="--vocab-size 256: at least 257"):
        train_tokenizer([documents], 256, 1000, tmp_path / "tokenizer")
    with pytest.raises(TokenizeError, match="empty: no text"):
        train_tokenizer([documents_set(tmp_path / "empty", [""])], 500, 1000, tmp_path / "tokenizer")
