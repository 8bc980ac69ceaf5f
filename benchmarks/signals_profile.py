"""What each step from text to reasons takes, for `python -m benchmarks.signals --profile`."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl
import pyarrow as pa

from curate.kernels.bits import bits_of
from curate.kernels.buffers import frozen, padded, text_buffers
from curate.kernels.hashing import hash_set, text_hash
from curate.kernels.lines import chars_of, lines_of, paragraphs_of
from curate.rewrite.c4.lines import C4Rules, c4_lines
from curate.rules.decide import RuleSet, decide, first_reason
from curate.signals.block import Block
from curate.signals.groups import DEFAULT_GROUPS, signals_of
from curate.signals.measure import GOPHER_STOP_WORDS, measure
from curate.words.spacy_words import BLOCK_BYTES, WordSplitter, blocks_of

Seconds = defaultdict[str, float]


def print_profile(texts: list[str], rules: list[RuleSet], line_rules: C4Rules, warm_up: list[str]) -> None:
    """CPU nanoseconds a byte of UTF-8 text and share of every step, the largest first."""
    for sample in (warm_up, texts):  # what the first run takes is not printed: it compiles or loads the kernels
        seconds: Seconds = defaultdict(float)
        _run(pa.array(sample, pa.large_string()), rules, line_rules, seconds)
    n_bytes, total = sum(len(text.encode()) for text in texts), sum(seconds.values())
    for step, spent in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"{step:20} {spent / n_bytes * 1e9:7.2f} ns/byte {spent / total:6.1%}")
    print(f"{'all':20} {total / n_bytes * 1e9:7.2f} ns/byte, {n_bytes / total / 1e6:.1f} MB/s")


@contextmanager
def _clock(seconds: Seconds, step: str) -> Iterator[None]:
    start = time.thread_time()
    yield
    seconds[step] += time.thread_time() - start


def _run(texts: pa.Array, rules: list[RuleSet], line_rules: C4Rules, seconds: Seconds) -> None:
    splitter, stop_words = WordSplitter(), hash_set([text_hash(word) for word in GOPHER_STOP_WORDS])
    with _clock(seconds, "c4_lines"):
        lines = c4_lines(texts, line_rules)
    utf8, offsets = (frozen(array) for array in text_buffers(lines.texts))
    for first, last in blocks_of(offsets, BLOCK_BYTES):
        _measure(utf8, offsets[first : last + 1], splitter, stop_words, seconds)
    signals = pl.DataFrame(measure(lines.texts, splitter)).with_columns(pl.Series(name, column) for name, column in lines.columns.items())
    with _clock(seconds, "rules"):
        verdicts = pl.concat([decide(signals, one) for one in rules]).sort("row", maintain_order=True)
        first_reason(verdicts, len(texts))


def _measure(utf8: Any, offsets: Any, splitter: WordSplitter, stop_words: Any, seconds: Seconds) -> None:
    """The steps of `new_block` and `measure_block`, one by one."""

    def timed(step: str, function: Callable[..., Any], *arguments: Any) -> Any:
        with _clock(seconds, step):
            return function(*arguments)

    text, at = timed("padded", padded, utf8, offsets)
    bits = timed("bits_of", bits_of, text, int(at[-1]))
    words = timed("split_block", splitter.split_block, text, at)
    n_chars = timed("chars_of", chars_of, at, bits)
    lines, paragraphs = timed("lines_of", lines_of, text, at, bits), timed("paragraphs_of", paragraphs_of, text, at, bits)
    block = Block(text, at, bits, n_chars, words, lines, paragraphs, stop_words)
    for signal in signals_of(DEFAULT_GROUPS):
        timed(signal.__name__, signal, block)
