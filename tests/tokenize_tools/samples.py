"""Small documents sets and tokenizers for the tests of this room."""

import json
import random
import string
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import xxhash
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors, trainers

from shards.schemas import DOCUMENTS
from shards.write import write_set
from tests.corpus import document, vocabulary
from tokenize_tools.fertility import TokenSpans
from tokenize_tools.train import train_bpe

ODD = ["", " ", "<|endoftext|>", "a <|endoftext|> b</s>", "naïve 日本語 👩‍👩‍👧\r\n\t", "1234567 ١٢٣ e\u0301", "x" * 5000, " " * 3000, "\x00\x01\x7f"]


def prose(seed: int, n_documents: int) -> list[str]:
    rng = random.Random(seed)
    words = vocabulary(seed, 300)
    return [document(rng, words, rng.randint(1, 30)) for _ in range(n_documents)]


def documents_set(
    folder: Path, texts: Sequence[str], *, source: str = "general", language: str = "en", batch: int = 7, file: int = 20, rows: Iterable[int] | None = None
) -> Path:
    """A documents set with `batch` documents a record batch and `file` documents a file; `rows`: numbers for the column of that name."""
    numbers = [0] * len(texts) if rows is None else list(rows)

    def record_batch(start: int) -> pa.RecordBatch:
        batch_texts = texts[start : start + batch]
        columns = {
            "id": [xxhash.xxh3_128_digest(text) for text in batch_texts],
            "text": list(batch_texts),
            "source": [source] * len(batch_texts),
            "language": [language] * len(batch_texts),
            "row": numbers[start : start + batch],
        }
        blank = {"url": "", "metadata": "", "file": ""}
        arrays = [pa.array(columns.get(field.name, [blank.get(field.name)] * len(batch_texts)), field.type) for field in DOCUMENTS]
        return pa.record_batch(arrays, schema=DOCUMENTS)

    batches = [record_batch(start) for start in range(0, len(texts), batch)]
    write_set(folder, "documents", DOCUMENTS, batches, rows_per_file=file)
    return folder


def save(folder: Path, tokenizer: Tokenizer, **config: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def byte_level(folder: Path, *added: str) -> Path:
    """A byte-level BPE tokenizer with `<|endoftext|>`, and `added` ordinary tokens."""
    tokenizer = train_bpe(iter([prose(1, 50)]), 600)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in added])
    return save(folder, tokenizer, eos_token="<|endoftext|>", bos_token="<|endoftext|>", pad_token="<|endoftext|>")


def byte_fallback(folder: Path, alphabet: str = string.printable[:94]) -> Path:
    """A tokenizer like that of Llama 2: word-start marks, bytes for unknown characters; it adds bos itself."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    specials = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=specials, show_progress=False, max_token_length=8, initial_alphabet=list(alphabet))
    words = [word for text in prose(1, 20) for word in text.split()]
    tokenizer.train_from_iterator(words, trainer)
    parsed = json.loads(tokenizer.to_str())
    parsed["added_tokens"] = parsed["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(parsed))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return save(folder, tokenizer, eos_token="</s>", bos_token="<s>", unk_token="<unk>")


def reference_ids(tokenizer: Path, text: str) -> list[int]:
    """Ids of the text by Hugging Face tokenizers, with special tokens in it as plain text: the definition."""
    loaded = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    loaded.encode_special_tokens = True
    return loaded.encode(text, add_special_tokens=False).ids


def pairs_of_characters(texts: Sequence[str]) -> TokenSpans:
    """A tokenizer that cuts after every second character; the id is the first character's code point."""
    spans = [[(start, min(start + 2, len(text))) for start in range(0, len(text), 2)] for text in texts]
    bounds = np.array([span for text_spans in spans for span in text_spans]).reshape(-1, 2)
    ids = np.array([ord(text[start]) for text, text_spans in zip(texts, spans, strict=True) for start, _ in text_spans])
    return TokenSpans(ids, bounds[:, 0], bounds[:, 1], np.cumsum([0, *map(len, spans)]))
