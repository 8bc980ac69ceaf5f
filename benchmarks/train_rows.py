"""Models and rows that training is measured on."""

import itertools
from pathlib import Path

import numpy as np
import torch

from mix.pack import pack
from mix.stream import RowBatch, open_mix
from train.batch import BatchRows

CPU_SHAPE = {"hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 6, "num_attention_heads": 3, "num_key_value_heads": 3, "vocab_size": 6144}
CUDA_SHAPE = {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8}
CUDA_SHAPE |= {"head_dim": 64, "vocab_size": 128_256}
LOG_TOKENS = {"mean": 6.55, "sigma": 0.85}
"""Of the lengths of 181 web articles (scrapinghub/article-extraction-benchmark, 4.4 characters a token): half have more than 700 tokens."""
N_SOURCES = 4

Steps = list[RowBatch | BatchRows]
"""Rows of each optimizer step."""


def random_model(folder: Path, shape: dict[str, int]) -> Path:
    """A Llama of this shape with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(**shape, tie_word_embeddings=True, max_position_embeddings=8192)).save_pretrained(folder)
    return folder


def read_steps(mix: Path | None, n_steps: int, batch_rows: int, row_tokens: int, n_vocab: int) -> Steps:
    """Rows of `n_steps` steps from a mix, or made-up ones."""
    if mix is not None:
        opened = open_mix(mix)
        return [opened.rows(step * batch_rows, (step + 1) * batch_rows) for step in range(n_steps)]
    rows = packed_rows(n_steps * batch_rows, row_tokens, n_vocab)
    return [part_of(rows, step * batch_rows, (step + 1) * batch_rows) for step in range(n_steps)]


def packed_rows(n_rows: int, row_tokens: int, n_vocab: int) -> BatchRows:
    """Rows of documents with the lengths of web articles, packed as `mix build` packs them; token ids are Zipfian, sources random."""
    rng = np.random.default_rng(0)
    n_documents = 2 * n_rows * row_tokens // 500
    packing = pack(np.maximum(2, rng.lognormal(**LOG_TOKENS, size=n_documents)).astype(np.int32), row_tokens)
    order = rng.permutation(len(packing.row_offsets) - 1)[:n_rows]
    pieces = np.concatenate([np.arange(packing.row_offsets[row], packing.row_offsets[row + 1]) for row in order])
    offsets = np.concatenate([[0], np.cumsum(np.diff(packing.row_offsets)[order])])
    lengths = packing.length[pieces]
    n_tokens = np.add.reduceat(lengths, offsets[:-1])
    input_ids = rng.zipf(1.2, (n_rows, row_tokens)) % n_vocab
    return BatchRows(input_ids, offsets, lengths, rng.integers(0, N_SOURCES, len(lengths)).astype(np.int16), n_tokens)


def part_of(rows: RowBatch | BatchRows, start: int, stop: int) -> BatchRows:
    """Rows `[start, stop)`."""
    offsets = rows.seg_offsets[start : stop + 1]
    segments = slice(offsets[0], offsets[-1])
    return BatchRows(rows.input_ids[start:stop], offsets - offsets[0], rows.seg_lengths[segments], rows.seg_sources[segments], rows.n_tokens[start:stop])


def cut(rows: RowBatch | BatchRows, n: int) -> list[BatchRows]:
    """Micro-batches of at most `n` rows."""
    bounds = [*range(0, len(rows.n_tokens), n), len(rows.n_tokens)]
    return [part_of(rows, start, stop) for start, stop in itertools.pairwise(bounds)]
