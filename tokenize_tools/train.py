"""Trains a tokenizer on a defined sample of documents and checks that it decodes every character.

`bpe` and `unigram` are byte-level, so every text is decoded exactly. Their pre-tokenizer is Llama 3's split pattern (OpenAI's cl100k with digits in
groups of up to three): the fast encoders support it, and a number costs the same wherever it occurs. `sentencepiece-bpe` and
`sentencepiece-unigram` follow Llama 2: a word-start mark, single digits, bytes for characters outside the vocabulary.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from shards import console
from shards.folder import output_folder, remove_recorded, write_owned
from tokenize_tools.errors import TokenizeError
from tokenize_tools.round_trip import changed_scalars
from tokenize_tools.sample import Sample
from tokenize_tools.texts import open_documents
from tokenize_tools.train_sentencepiece import train_sentencepiece

Kind = Literal["bpe", "unigram", "sentencepiece-bpe", "sentencepiece-unigram"]
END_OF_TEXT = "<|endoftext|>"
SPLIT_PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
MIN_VOCAB = 256 + 1
_FILES = ("tokenizer_config.json", "training.json", "tokenizer.model", "tokenizer.json")


def train_bpe(texts: Iterable[list[str]], vocab_size: int) -> Tokenizer:
    """A byte-level BPE tokenizer with `vocab_size` ids (fewer if the text runs out of pairs).

    Id 0 is `<|endoftext|>`, then the 256 bytes, then the merges. The same texts give the same tokenizer. Raises TokenizeError if
    `vocab_size` cannot hold the bytes.
    """
    return _train_byte_level(models.BPE(), trainers.BpeTrainer, texts, vocab_size)


def train_unigram(texts: Iterable[list[str]], vocab_size: int) -> Tokenizer:
    """A byte-level Unigram tokenizer (Kudo 2018) with about `vocab_size` ids, `<|endoftext|>` first. Raises as `train_bpe`."""
    return _train_byte_level(models.Unigram(), trainers.UnigramTrainer, texts, vocab_size)


def _train_byte_level(model: Any, trainer: Any, texts: Iterable[list[str]], vocab_size: int) -> Tokenizer:
    if vocab_size < MIN_VOCAB:
        raise TokenizeError(f"--vocab-size {vocab_size}: at least {MIN_VOCAB} ids are needed for the 256 bytes and {END_OF_TEXT}")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    options = {"initial_alphabet": sorted(pre_tokenizers.ByteLevel.alphabet()), "special_tokens": [END_OF_TEXT], "show_progress": False}
    tokenizer.train_from_iterator(iter(texts), trainer(vocab_size=vocab_size, **options))
    return tokenizer


def train_tokenizer(
    documents: Sequence[Path], vocab_size: int, sample_bytes: int, out: Path, kind: Kind = "bpe", by_source: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Train on a sample of documents sets; write to `out` a tokenizer for transformers' AutoTokenizer; return the content of training.json.

    `by_source` gives the UTF-8 bytes to take from each source; sources that it lacks are left out. None takes `sample_bytes` from all sources in
    proportion to their size. Byte-level kinds use `<|endoftext|>` as eos, bos and pad, as GPT-2 and GPT-NeoX do. The other kinds use `<s>` and
    `</s>`, and also write a tokenizer.model. Raises TokenizeError on bad input and for a vocabulary that the text cannot fill.
    """
    sets = [open_documents(path) for path in documents]
    sample = Sample(sets, sample_bytes, by_source)
    with output_folder(out, _FILES), console.progress(f"train {kind}", 3) as meter:
        if kind.startswith("sentencepiece"):
            tokenizer, model = train_sentencepiece(sample, vocab_size, unigram=kind.endswith("unigram"))
            config = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
        else:
            tokenizer, model = (train_bpe if kind == "bpe" else train_unigram)(sample, vocab_size), None
            config = {"bos_token": END_OF_TEXT, "eos_token": END_OF_TEXT, "pad_token": END_OF_TEXT}
        meter.advance()
        changed = changed_scalars(tokenizer)
        meter.advance()
        figures = {
            "kind": kind,
            "n_vocab": tokenizer.get_vocab_size(),
            "asked_vocab": vocab_size,
            "sample": sample.figures(),
            "changed_scalars": changed,
            "documents": [documents_set.manifest.hash for documents_set in sets],
            "versions": {name: version(name) for name in ("tokenizers", "sentencepiece")},
        }
        _write(out, tokenizer, model, config, figures)
        meter.advance()
    _warn(figures)
    return figures


def _write(out: Path, tokenizer: Tokenizer, model: bytes | None, config: dict[str, Any], figures: dict[str, Any]) -> None:
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **config, "clean_up_tokenization_spaces": False}
    write_owned(out / "tokenizer_config.json", (json.dumps(config, indent=1) + "\n").encode())
    write_owned(out / "training.json", (json.dumps(figures, indent=1, ensure_ascii=False) + "\n").encode())
    if model is None:
        remove_recorded(out, "tokenizer.model")
    else:
        write_owned(out / "tokenizer.model", model)
    write_owned(out / "tokenizer.json", (tokenizer.to_str(pretty=True) + "\n").encode())


def _warn(figures: dict[str, Any]) -> None:
    if figures["n_vocab"] < figures["asked_vocab"]:
        logging.warning("the text gives only %d of the %d ids requested", figures["n_vocab"], figures["asked_vocab"])
    if figures["changed_scalars"]:
        shown = ", ".join(figures["changed_scalars"][:5])
        logging.warning("%d characters change when encoded and decoded, such as %s", len(figures["changed_scalars"]), shown)
