"""Training a byte-level BPE tokenizer on documents.

The pre-tokenizer is Llama 3's split pattern (that of OpenAI's cl100k, digits in groups of up to three), so that the fast encoders
know it and numbers cost the same wherever they stand.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from shards.manifest import write_atomically
from tokenize_tools.errors import TokenizeError
from tokenize_tools.texts import open_documents, sample_batches

END_OF_TEXT = "<|endoftext|>"
SPLIT_PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
MIN_VOCAB = 256 + 1


def train_bpe(texts: Iterator[list[str]], vocab_size: int) -> Tokenizer:
    """A byte-level BPE tokenizer with `vocab_size` ids (fewer if the text runs out of pairs).

    Id 0 is `<|endoftext|>`, then the 256 bytes, then the merges. The same texts give the same tokenizer. Raises TokenizeError if
    `vocab_size` cannot hold the bytes.
    """
    if vocab_size < MIN_VOCAB:
        raise TokenizeError(f"--vocab-size {vocab_size}: at least {MIN_VOCAB} ids are needed for the 256 bytes and {END_OF_TEXT}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def train_tokenizer(documents: Sequence[Path], vocab_size: int, sample_bytes: int, out: Path) -> Tokenizer:
    """Train on documents sets and write tokenizer.json and tokenizer_config.json to `out`, loadable by transformers' AutoTokenizer.

    `<|endoftext|>` is eos, bos and pad at once, as in GPT-2 and GPT-NeoX: it ends every document, nothing is put in front of
    one, and padding never enters a loss here because rows carry their document lengths.
    """
    sets = [open_documents(path) for path in documents]
    sample = (batch.column("text").to_pylist() for batch in sample_batches(sets, sample_bytes, ["text"]))
    tokenizer = train_bpe(sample, vocab_size)
    if tokenizer.get_vocab_size() < vocab_size:
        logging.warning("the text has pairs for %d of %d ids only", tokenizer.get_vocab_size(), vocab_size)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END_OF_TEXT,
        "eos_token": END_OF_TEXT,
        "pad_token": END_OF_TEXT,
        "clean_up_tokenization_spaces": False,
    }
    write_atomically(out / "tokenizer.json", (tokenizer.to_str(pretty=True) + "\n").encode())
    write_atomically(out / "tokenizer_config.json", (json.dumps(config, indent=1) + "\n").encode())
    return tokenizer
