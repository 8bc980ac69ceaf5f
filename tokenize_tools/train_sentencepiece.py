"""Trains SentencePiece models with the settings of Llama 2."""

import io
import logging
import string
from collections.abc import Iterable, Iterator

import sentencepiece
from tokenizers import Tokenizer

from tokenize_tools.errors import TokenizeError
from tokenize_tools.sentencepiece_model import MARK, to_tokenizer

MIN_VOCAB = 3 + 256 + len(string.printable)
_CHECKED_LINES = 1000
_LONGEST_LINE = 1 << 20
"""UTF-8 bytes; SentencePiece skips longer lines."""
_THREADS = 2
"""Threads of Unigram's estimation: constant, because floating-point sums depend on their number."""


def train_sentencepiece(texts: Iterable[list[str]], vocab_size: int, *, unigram: bool) -> tuple[Tokenizer, bytes]:
    """A SentencePiece model of `vocab_size` ids as a Hugging Face tokenizer and as the bytes of a tokenizer.model.

    It is trained on lines: identity normalisation, all spaces kept, single digits, bytes for rare and unseen characters. Raises TokenizeError if the
    text cannot fill the vocabulary, or if the vocabulary is too small for bytes and ASCII.
    """
    if vocab_size < MIN_VOCAB:
        raise TokenizeError(f"--vocab-size {vocab_size}: at least {MIN_VOCAB} ids are needed for 256 bytes, ASCII, <unk>, <s> and </s>")
    model = io.BytesIO()
    seen: list[str] = []
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_lines(texts, seen),
            model_writer=model,
            vocab_size=vocab_size,
            model_type="unigram" if unigram else "bpe",
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            split_digits=True,
            allow_whitespace_only_pieces=True,
            byte_fallback=True,
            character_coverage=0.99995,
            required_chars=string.punctuation + string.digits + string.ascii_letters,
            max_sentence_length=_LONGEST_LINE,
            num_threads=_THREADS,
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        reason = str(error).split(") ")[-1].strip() or error
        raise TokenizeError(f"--vocab-size {vocab_size}: SentencePiece cannot train on this sample ({reason}); choose another size or more text") from None
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    tokenizer = to_tokenizer(processor, unigram=unigram)
    _compare(processor, tokenizer, seen)
    return tokenizer, model.getvalue()


def _lines(texts: Iterable[list[str]], seen: list[str]) -> Iterator[str]:
    for batch in texts:
        for text in batch:
            for line in text.split("\n"):
                # SentencePiece ends strings at NUL. That character is covered by the bytes.
                if line and "\0" not in line:
                    if len(seen) < _CHECKED_LINES and MARK not in line:
                        seen.append(line)
                    yield line


def _compare(processor: sentencepiece.SentencePieceProcessor, tokenizer: Tokenizer, lines: list[str]) -> None:
    encodings = tokenizer.encode_batch_fast(lines, add_special_tokens=False)
    n_differing = sum(encoding.ids != ids for encoding, ids in zip(encodings, processor.encode(lines), strict=True))
    if n_differing:
        logging.warning("tokenizer.json and tokenizer.model give different ids on %d of %d lines", n_differing, len(lines))
