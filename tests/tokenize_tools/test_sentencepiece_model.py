import pytest
from sentencepiece import SentencePieceProcessor

from tests.tokenize_tools.samples import ODD, prose
from tokenize_tools.train_sentencepiece import train_sentencepiece


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def trained(request):
    """A tokenizer, and the SentencePiece model that it was made of."""
    tokenizer, model = train_sentencepiece([[*prose(0, 150), "日本語の文章です。" * 20, *ODD]], 600, unigram=request.param == "unigram")
    tokenizer.encode_special_tokens = True
    return tokenizer, SentencePieceProcessor(model_proto=model)


def test_a_tokenizer_made_of_a_sentencepiece_model_gives_the_same_ids(trained):
    tokenizer, library = trained
    # In a long run of one character, several segmentations have the same score up to rounding.
    texts = [text for text in [*prose(9, 30), *ODD, "日本 語 xyz 12"] if "\0" not in text and len(set(text)) > 1]
    assert [tokenizer.encode(text, add_special_tokens=False).ids for text in texts] == library.encode(texts)


def test_word_start_marks_in_a_text_survive(trained):
    tokenizer, library = trained
    text = "▁ ▁▁x a▁b"
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids) == text
    assert library.decode(library.encode(text)) != text
