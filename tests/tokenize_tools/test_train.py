import json

import pytest
from sentencepiece import SentencePieceProcessor
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from shards.errors import CptkitError
from tests.tokenize_tools.samples import ODD, byte_fallback, documents_set, prose, reference_ids
from tokenize_tools import train
from tokenize_tools.definition import reference_tokenizer
from tokenize_tools.errors import TokenizeError
from tokenize_tools.round_trip import changed_scalars, scalars
from tokenize_tools.sample import Sample, parse_portions
from tokenize_tools.texts import open_documents, sample_batches
from tokenize_tools.train import train_tokenizer


@pytest.fixture(autouse=True, scope="module")
def some_characters_for_all():
    """Trying all characters takes seconds; the slow test at the end does."""
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
    with pytest.raises(TokenizeError, match="--vocab-size 300: at least 359 ids are needed for 256 bytes, ASCII"):
        train_tokenizer([documents], 300, 1000, tmp_path / "tokenizer", "sentencepiece-bpe")
    with pytest.raises(TokenizeError, match="--vocab-size 30000: SentencePiece cannot train on this sample"):
        train_tokenizer([documents], 30_000, 10_000, tmp_path / "tokenizer", "sentencepiece-unigram")
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
def test_every_kind_loads_in_transformers_and_gives_back_odd_texts_and_every_character(all_kinds, kind):
    folder, figures = all_kinds[kind]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert figures["changed_scalars"] == [] and tokenizer.eos_token_id is not None
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
    assert not named & {tokenizer.id_to_token(one) for one in ids}


@pytest.mark.parametrize("kind", KINDS[2:])
def test_the_sentencepiece_model_and_the_tokenizer_beside_it_give_the_same_ids(all_kinds, kind):
    folder, _ = all_kinds[kind]
    library = SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    # In long runs of one character several ways to cut score the same but for rounding.
    texts = [text for text in [*prose(9, 30), *ODD, "日本 語 xyz 12"] if "\0" not in text and len(set(text)) > 1]
    assert [reference_ids(folder, text) for text in texts] == library.encode(texts)


def test_a_character_that_a_tokenizer_loses_is_named(tmp_path):
    lossy = Tokenizer.from_file(str(byte_fallback(tmp_path / "llama") / "tokenizer.json"))
    assert changed_scalars(lossy, [chr(point) for point in range(0x2500, 0x2600)]) == ["U+2581"]


def test_a_sample_takes_of_each_source_what_is_asked_and_says_what_it_took(tmp_path):
    sets = [documents_set(tmp_path / name, prose(seed, 300), source=name) for seed, name in enumerate(["law", "web", "code"])]
    figures = train_tokenizer(sets, 400, 1, tmp_path / "tokenizer", by_source=parse_portions(["law=40k", "web=0.01M"]))
    assert figures == json.loads((tmp_path / "tokenizer" / "training.json").read_text())
    taken = {source: (one["asked_bytes"], one["bytes"]) for source, one in figures["sample"].items()}
    assert {source: asked for source, (asked, _) in taken.items()} == {"law": 40_000, "web": 10_000, "code": 0}
    assert abs(taken["law"][1] / 40_000 - 1) < 0.3 and abs(taken["web"][1] / 10_000 - 1) < 0.5 and taken["code"][1] == 0


def test_a_sample_is_independent_of_order_and_of_batches_and_a_larger_one_holds_it(tmp_path):
    texts = prose(0, 200)
    orders = {"some": (texts, 7), "reversed": (texts[::-1], 20)}
    sets = {name: open_documents(documents_set(tmp_path / name, chosen, batch=n)) for name, (chosen, n) in orders.items()}
    total = sum(len(text.encode()) for text in texts)
    small, again, large = (
        {text for batch in Sample([sets[name]], n) for text in batch} for name, n in [("some", total // 4), ("reversed", total // 4), ("some", total // 2)]
    )
    assert small == again and small < large
    assert sum(len(batch) for batch in Sample([sets["some"]], total)) == 200


@pytest.mark.parametrize(
    ("asked", "message"),
    [("law", "not SOURCE=BYTES"), ("law=ten", "--sample law ten: not an amount of bytes"), ("tax=1k", "tax: no such source in the documents; there are law")],
)
def test_a_portion_that_cannot_be_read_or_met_is_refused(tmp_path, asked, message):
    documents = documents_set(tmp_path / "documents", prose(0, 3), source="law")
    with pytest.raises(CptkitError, match=message):
        train_tokenizer([documents], 400, 1000, tmp_path / "tokenizer", by_source=parse_portions([asked]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_unicode_scalar_comes_back(all_kinds, kind):
    folder, _ = all_kinds[kind]
    assert len(scalars()) == 1_112_064
    assert changed_scalars(Tokenizer.from_file(str(folder / "tokenizer.json"))) == []
