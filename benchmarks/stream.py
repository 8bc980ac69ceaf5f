"""Reading a mix: rows per second on one core, and the seconds from start to the first batch, at the run's start and far into it.

    python -m benchmarks.stream [--input MIX] [--run-rows N] [--batch-rows B]

Without --input, five sources of random tokens (web-like lengths) are packed into rows of 4,096, and the plan repeats them until it has --run-rows
rows: the files are small, the run's numbers are not. Files are in the page cache for all contenders. CPU seconds of one process on one core. Peers
over the same rows: a plain torch DataLoader over a memory-mapped matrix of their ids, with our order as its sampler (so its batches must equal
ours), and litdata's StreamingDataset with its loader for tokens in its own shuffled order, if litdata is installed. Both return only ids; ours
computes which row comes next, and also returns each row's documents, sources and lengths.

`need` is the rate of a loop on one H100: 40% of 989 TFLOP/s at 6 FLOP per parameter and token, for models of 0.1, 1 and 8 billion parameters.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.harness import print_result, timed, use_one_core
from mix.build import build
from mix.recipe import MixRecipe
from mix.stream import Mix, RowStream, open_mix
from shards.schemas import DOC_ID, tokens_schema
from shards.write import write_set

N_SOURCES = 5
N_DOCUMENTS = 12_000
ROW_TOKENS = 4096
BATCHES = 100
FLOPS = 0.4 * 989e12
TOKENIZER = {"tokenizer_sha256": "0" * 64, "n_vocab": 50_000, "eos_id": 0, "pad_id": 1, "n_bytes": 1}


def main() -> None:
    """Print the measurements; the last line is one JSON object. `ratio` is our tokens per second over the plain DataLoader's."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--input", type=Path, help="a built mix")
    parser.add_argument("--run-rows", type=int, default=1_000_000_000 + (1 << 20), help="rows of the simulated run")
    parser.add_argument("--batch-rows", type=int, default=64)
    options = parser.parse_args()
    use_one_core()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.input or make_mix(Path(scratch), options.run_rows)
        ours, row = measure_ours(folder, options.batch_rows)
        mix = open_mix(folder)
        plain, agreement = measure_plain(mix, row, options.batch_rows, Path(scratch))
        peers = {"torch DataLoader": plain, "litdata": measure_litdata(mix, row, options.batch_rows, Path(scratch))}
    need = {f"need_{billions:g}B_tokens_per_second": FLOPS / (6 * billions * 1e9) for billions in (0.1, 1, 8)}
    for name, figures in {"ours": ours | need, **peers}.items():
        print(f"{name:<18} " + "   ".join(f"{key} {value:,.4g}" for key, value in figures.items()))
    ratio = ours["tokens_per_second"] / plain["tokens_per_second"]
    print_result({"ours": ours | need, "peer": plain, "peers": peers, "ratio": ratio, "agreement": agreement})


def make_mix(scratch: Path, run_rows: int) -> Path:
    """A mix of `run_rows` rows over `N_SOURCES` small sources."""
    rng, schema = np.random.default_rng(0), tokens_schema(2)
    sources, weights = {}, {}
    for number in range(N_SOURCES):
        lengths = np.maximum(1, rng.lognormal(5.9, 1.1, N_DOCUMENTS)).astype(np.int64)
        ids = pa.FixedSizeBinaryArray.from_buffers(DOC_ID, N_DOCUMENTS, [None, pa.py_buffer(rng.bytes(16 * N_DOCUMENTS))])
        values = pa.array(rng.integers(2, 50_000, lengths.sum(), dtype=np.uint16))
        tokens = pa.LargeListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(lengths)])), values)
        batch = pa.record_batch([ids, tokens, pa.array(4 * lengths), pa.array(["x"] * N_DOCUMENTS), pa.nulls(N_DOCUMENTS, pa.bool_())], schema=schema)
        place = scratch / f"tokens{number}"
        write_set(place, "tokens", schema, [batch], info=TOKENIZER, compression=None, token_column="tokens")
        sources[f"s{number}"] = {"tokens": place, "max_epochs": 1e9}
        weights[f"s{number}"] = float(2**-number)
    raw = {"name": "stream", "row_tokens": ROW_TOKENS, "sources": sources, "stages": [{"tokens": run_rows * ROW_TOKENS, "temperature": 1, "weights": weights}]}
    build(MixRecipe.model_validate(raw | {"out": scratch / "mix"}))
    return scratch / "mix"


def measure_ours(folder: Path, batch_rows: int) -> tuple[dict[str, float], int]:
    """Speeds, start-up and resume; and the row far into the run from which it resumed."""
    row = max(0, open_mix(folder).n_rows - 2 * BATCHES * batch_rows)
    _, open_cpu = timed(lambda: open_mix(folder))
    starts = {
        "start_seconds": _wall(lambda: open_mix(folder).rows(0, batch_rows)),
        "resume_row": row,
        "resume_seconds": _wall(lambda: open_mix(folder).rows(row, row + batch_rows)),
    }
    mix = open_mix(folder)
    read = _speed(lambda: (mix.rows(first, first + batch_rows) for first in _firsts(row, batch_rows)), mix.row_tokens)
    stream = RowStream(mix, batch_rows, row=row)
    ahead = _speed(lambda: (next(stream) for _ in range(BATCHES)), mix.row_tokens)
    return read | {"thread_tokens_per_second": ahead["tokens_per_second"], "open_cpu_seconds": open_cpu} | starts, row


class Matrix(Dataset):
    """A memory-mapped matrix of ids, one row per item."""

    def __init__(self, ids: np.ndarray) -> None:
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> torch.Tensor:
        return torch.from_numpy(self.ids[row])


def measure_plain(mix: Mix, row: int, batch_rows: int, scratch: Path) -> tuple[dict[str, float], float]:
    """A plain DataLoader with our order; and the share of its ids that equal ours."""
    expected = np.concatenate([mix.rows(first, first + batch_rows).input_ids for first in _firsts(row, batch_rows)])
    np.save(scratch / "matrix.npy", expected)
    shuffled = np.random.default_rng(0).permutation(len(expected))
    np.save(scratch / "matrix.npy", expected[shuffled])
    ids = np.load(scratch / "matrix.npy", mmap_mode="c")
    order = np.argsort(shuffled).tolist()

    def batches() -> Iterator[torch.Tensor]:
        return iter(DataLoader(Matrix(ids), batch_size=batch_rows, sampler=order))

    found = torch.cat(list(batches())).numpy()
    return _speed(batches, mix.row_tokens), float(np.mean(found == expected))


def measure_litdata(mix: Mix, row: int, batch_rows: int, scratch: Path) -> dict[str, float]:
    """litdata over the same tokens in chunks of 64 MB, shuffled, in this process; nothing if it is not installed."""
    try:
        from litdata import StreamingDataLoader, StreamingDataset
        from litdata.streaming import Cache, TokensLoader
    except ImportError:
        return {}
    cache = Cache(str(scratch / "litdata"), chunk_bytes="64MB", item_loader=TokensLoader(block_size=mix.row_tokens))
    for number, first in enumerate(_firsts(row, batch_rows)):
        cache[number] = torch.from_numpy(mix.rows(first, first + batch_rows).input_ids.reshape(-1))
    cache.done()
    cache.merge()

    def batches() -> Iterator[Any]:
        dataset = StreamingDataset(str(scratch / "litdata"), item_loader=TokensLoader(block_size=mix.row_tokens), shuffle=True, drop_last=False)
        return iter(StreamingDataLoader(dataset, batch_size=batch_rows))

    first = _wall(lambda: next(batches()))
    figures = _speed(batches, mix.row_tokens) | {"first_batch_seconds": first}
    shutil.rmtree(scratch / "litdata")
    return figures


def _firsts(row: int, batch_rows: int) -> range:
    return range(row, row + BATCHES * batch_rows, batch_rows)


def _speed(batches: Callable[[], Iterator[Any]], row_tokens: int) -> dict[str, float]:
    """Rows and positions in rows a second of CPU time, the better of two passes."""
    best = 0.0
    for _ in range(2):
        n_rows, seconds = timed(lambda: sum(len(batch.input_ids if hasattr(batch, "input_ids") else batch) for batch in batches()))
        best = max(best, n_rows / seconds)
    return {"rows_per_second": best, "tokens_per_second": best * row_tokens}


def _wall(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
