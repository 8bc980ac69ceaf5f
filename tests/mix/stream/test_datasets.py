import re
import subprocess
import sys
from itertools import islice

import pytest
import torch
from torch.utils.data import DataLoader

from mix.stream import RowBatch
from mix.stream.datasets import IGNORED, RowDataset, RowIterable, RowLoader
from shards.errors import ShardError
from tests.mix.stream.conftest import as_rows


def in_order(batches) -> list[tuple]:
    return [row for batch in batches for row in as_rows(RowBatch(*(tensor.numpy() for tensor in batch)))]


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_any_number_of_workers_gives_the_order_of_the_run(mix, workers):
    straight = as_rows(mix.rows(0, mix.n_rows))
    assert in_order(RowLoader(mix, 100, workers=workers)) == straight
    assert in_order(DataLoader(RowIterable(mix, 100, row=250), batch_size=None, num_workers=workers)) == straight[250:]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_resumes_after_the_consumed_rows_not_after_the_read_rows(mix, workers):
    straight = as_rows(mix.rows(0, mix.n_rows))
    loader = RowLoader(mix, 30, workers=workers)
    before = list(islice(loader, 4))
    state = loader.state_dict()
    after = RowLoader(mix, 50, workers=workers)
    after.load_state_dict(state)
    assert state == {"row": 120, "plan_hash": mix.plan_hash, "prefix_hash": mix.plan.prefix_hash(120)}
    assert in_order(before) == straight[:120] and in_order(after) == straight[120:]


def test_ranks_with_workers_share_each_global_batch(mix):
    straight = as_rows(mix.rows(0, mix.n_rows))
    ranks = [list(RowLoader(mix, 90, rank=rank, world=3, workers=1)) for rank in range(3)]
    assert [row for batches in zip(*ranks, strict=True) for row in sorted(in_order(batches))] == straight


KILL_A_WORKER = """
import os, signal, sys, torch
from mix.stream import open_mix
from mix.stream.datasets import RowLoader
batches = iter(RowLoader(open_mix(sys.argv[1]), 1, workers=2))
next(batches)
os.kill(torch.multiprocessing.active_children()[0].pid, signal.SIGKILL)
print(len(list(batches)))
"""


def test_a_killed_worker_is_an_error_and_never_a_hang(tmp_path, mix):
    done = subprocess.run([sys.executable, "-c", KILL_A_WORKER, str(tmp_path / "out")], capture_output=True, text=True, timeout=600)
    assert done.returncode == 1 and not done.stdout
    assert re.search(r"MixError: .*DataLoader worker.* (killed by signal|exited unexpectedly).*resume from the last checkpoint", done.stderr), done.stderr


def test_an_error_in_a_worker_keeps_its_message(tmp_path, mix):
    for path in (tmp_path / "out" / "rows" / "law").glob("*.arrow"):
        path.unlink()
    with pytest.raises(ShardError, match=r"rows/law/.*missing"):
        list(RowLoader(mix, 16, workers=1))


def test_spawned_workers_read_the_same_rows(mix):
    batches = RowLoader(mix, 400, workers=1, multiprocessing_context="spawn")
    assert in_order(batches) == as_rows(mix.rows(0, mix.n_rows))


def test_an_example_predicts_each_token_of_a_document_except_its_first(mix):
    dataset = RowDataset(mix)
    assert len(dataset) == mix.n_rows
    for number in (0, 5, mix.n_rows - 1):
        example, batch = dataset[number], mix.rows(number, number + 1)
        place, ids = 0, batch.input_ids[0].tolist()
        assert example["row"] == number and example["input_ids"].tolist() == ids
        for length, source in zip(batch.seg_lengths.tolist(), batch.seg_sources.tolist(), strict=True):
            segment = slice(place, place + length)
            assert example["labels"][segment].tolist() == [IGNORED, *ids[segment][1:]]
            assert example["position_ids"][segment].tolist() == list(range(length))
            assert example["sources"][segment].tolist() == [source] * length
            place += length
        assert (example["labels"][place:] == IGNORED).all() and (example["sources"][place:] == -1).all()


def test_torchs_default_loader_stacks_examples_of_the_map_style_dataset(mix):
    straight = mix.rows(0, mix.n_rows).input_ids
    batches = list(DataLoader(RowDataset(mix), batch_size=256, num_workers=2))
    assert torch.cat([batch["input_ids"] for batch in batches]).tolist() == straight.tolist()
    assert torch.cat([batch["row"] for batch in batches]).tolist() == list(range(mix.n_rows))
