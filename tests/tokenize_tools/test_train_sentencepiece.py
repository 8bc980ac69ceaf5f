import pytest

from tests.tokenize_tools.samples import prose
from tokenize_tools.errors import TokenizeError
from tokenize_tools.train_sentencepiece import train_sentencepiece


def test_a_vocabulary_too_small_for_bytes_and_ascii_is_refused():
    with pytest.raises(TokenizeError, match="--vocab-size 300: at least 359 ids are needed for 256 bytes, ASCII"):
        train_sentencepiece([prose(0, 3)], 300, unigram=False)


def test_a_vocabulary_too_large_for_the_text_is_refused():
    with pytest.raises(TokenizeError, match="--vocab-size 30000: SentencePiece cannot train on this sample"):
        train_sentencepiece([prose(0, 3)], 30_000, unigram=True)


def test_the_same_texts_give_the_same_model_however_they_are_batched():
    texts = prose(0, 60)
    models = [train_sentencepiece(batches, 500, unigram=True)[1] for batches in ([texts], [texts[:7], texts[7:]])]
    assert models[0] == models[1]
