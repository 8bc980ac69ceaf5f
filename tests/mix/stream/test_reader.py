import pickle
import subprocess
import sys

import fsspec
import numpy as np
import pytest

from mix.build import build
from mix.errors import MixError
from mix.stream import RowStream, open_mix
from mix.stream.datasets import RowLoader
from shards import remote
from shards.errors import ShardError
from shards.remote import Cache
from tests.mix.conftest import read_documents
from tests.mix.stream.conftest import as_rows
from tests.mix.stream.test_datasets import in_order
from tests.shards.remote_server import S3_SETTINGS, gate_before, s3_server, web_server


def test_every_segment_is_the_text_of_its_document(tmp_path, mix):
    documents = [read_documents(tmp_path / "tokens" / "web0") | read_documents(tmp_path / "tokens" / "web1"), read_documents(tmp_path / "tokens" / "law")]
    batch = mix.rows(0, mix.n_rows)
    assert batch.input_ids.dtype == mix.dtype == np.uint16
    for row in range(mix.n_rows):
        place = 0
        for segment in range(batch.seg_offsets[row], batch.seg_offsets[row + 1]):
            start, length = batch.seg_starts[segment], batch.seg_lengths[segment]
            document = documents[batch.seg_sources[segment]][batch.seg_doc_ids[segment].tobytes()]
            assert batch.input_ids[row, place : place + length].tolist() == document[start : start + length]
            place += length
        assert place == batch.n_tokens[row] and (batch.input_ids[row, place:] == mix.pad_id).all()


def test_a_stream_from_any_row_equals_the_rest_of_the_run(mix):
    straight = as_rows(mix.rows(0, mix.n_rows))
    for start in [0, 1, 17, 300, mix.n_rows - 1, mix.n_rows]:
        assert [row for batch in mix.stream(start, 37) for row in as_rows(batch)] == straight[start:]


@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_any_number_of_ranks_sees_the_rows_of_the_run_in_order(mix, world):
    straight = as_rows(mix.rows(0, mix.n_rows))
    ranks = [list(mix.stream(0, 12, rank, world)) for rank in range(world)]
    assert len({len(batches) for batches in ranks}) == 1
    merged = [row for batches in zip(*ranks, strict=True) for row in sorted(row for batch in batches for row in as_rows(batch))]
    assert merged == straight
    assert all((batch.row_numbers % 12 % world == rank).all() for rank, batches in enumerate(ranks) for batch in batches)


def test_changing_the_number_of_ranks_does_not_change_the_rows(mix):
    straight = as_rows(mix.rows(0, 240))
    before = [row for rank in range(3) for batch in mix.stream(0, 12, rank, 3) for row in as_rows(batch) if row[0] < 120]
    after = [row for rank in range(4) for batch in mix.stream(120, 24, rank, 4) for row in as_rows(batch) if row[0] < 240]
    assert sorted(before + after) == straight


def test_tokens_before_a_row_are_those_of_the_rows_before_it(mix):
    batch = mix.rows(0, mix.n_rows)
    row_sources = batch.seg_sources[batch.seg_offsets[:-1]]
    for row in [0, 1, 50, mix.n_rows]:
        expected = np.bincount(row_sources[:row], batch.n_tokens[:row], minlength=2)
        assert mix.tokens_before(row).tolist() == expected.tolist()


def test_an_empty_stretch_gives_an_empty_batch(mix):
    batch = mix.rows(5, 5)
    assert batch.input_ids.shape == (0, 64) and batch.seg_offsets.tolist() == [0] and len(batch.seg_lengths) == 0


@pytest.mark.parametrize("arguments, said", [((0, 10**9), "this mix has rows 0 to"), ((-1, 3), "rows -1 to 3"), ((0, 3, 2, 2), "rank 2 of 2")])
def test_rows_beyond_the_run_are_refused(mix, arguments, said):
    with pytest.raises(MixError, match=said):
        mix.rows(*arguments)


def test_resuming_on_another_plan_is_refused_with_both_hashes(tmp_path, mix, two_sources):
    assert open_mix(tmp_path / "out", mix.plan_hash).plan_hash == mix.plan_hash
    build(two_sources(seed=4))
    with pytest.raises(MixError, match=f"was started on plan {mix.plan_hash}"):
        open_mix(tmp_path / "out", mix.plan_hash)


def test_reading_needs_neither_numba_nor_polars_nor_yaml():
    code = "import sys; sys.modules.update(dict.fromkeys(['numba', 'polars', 'datatrove', 'yaml'])); import mix.stream"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_mix_in_s3_streams_the_rows_of_the_mix_in_its_folder(tmp_path, mix, monkeypatch):
    with s3_server() as address:
        monkeypatch.setitem(fsspec.config.conf, "s3", S3_SETTINGS | {"endpoint_url": address})
        fsspec.filesystem("s3").put(str(tmp_path / "out"), "bucket/mix", recursive=True)
        cache = Cache(tmp_path / "cache")
        away = open_mix("s3://bucket/mix", mix.plan_hash, cache=cache)
        assert not list((tmp_path / "cache").rglob("rows-*.arrow"))
        stream = RowStream(away, 50)
        first = as_rows(next(stream))
        resumed = RowStream(open_mix("s3://bucket/mix", cache=cache), 64)
        resumed.load_state_dict(stream.state_dict())
        assert first + [row for batch in resumed for row in as_rows(batch)] == as_rows(mix.rows(0, mix.n_rows))
        assert in_order(RowLoader(away, 100, workers=2)) == as_rows(mix.rows(0, mix.n_rows))
        with pytest.raises(MixError, match="s3://bucket/mix: this mix has plan"):
            open_mix("s3://bucket/mix", "another", cache=cache)


def test_a_server_that_fails_in_the_middle_is_one_clear_error(tmp_path, mix, monkeypatch):
    monkeypatch.setattr(remote, "FIRST_WAIT_SECONDS", 0.01)
    with web_server(tmp_path) as address, gate_before(address) as (outside, gate):
        away = open_mix(f"{outside}/out", cache=Cache(tmp_path / "cache"))
        gate.troubles += ["error"] * 1000
        with pytest.raises(ShardError, match=r"out/rows/\w+/rows-.*: 5 attempts to fetch it failed"):
            list(RowStream(away, 64))
        gate.troubles.clear()
        assert as_rows(away.rows(0, mix.n_rows)) == as_rows(mix.rows(0, mix.n_rows))


@pytest.mark.parametrize("name", ["manifest.json", "plan.json"])
def test_a_small_file_damaged_in_transit_is_fetched_again_and_one_damaged_on_the_server_is_refused(tmp_path, mix, name):
    with web_server(tmp_path) as address, gate_before(address) as (outside, gate):
        gate.also = (f"/out/{name}",)
        gate.troubles += ["flip"]  # the last character, so that it is no JSON
        if name == "plan.json":
            (tmp_path / "out" / name).write_bytes((tmp_path / "out" / name).read_bytes().rstrip())
        away = open_mix(f"{outside}/out", cache=Cache(tmp_path / "cache"))
        assert as_rows(away.rows(0, 9)) == as_rows(mix.rows(0, 9))
        assert sum(path.endswith(name) for path in gate.requests) == 2
        (tmp_path / "out" / name).write_text("{}")
        with pytest.raises((ShardError, MixError), match=name):
            open_mix(f"{outside}/out", cache=Cache(tmp_path / "cache2"))


def test_a_cache_too_small_for_a_file_is_refused_before_anything_is_fetched(tmp_path, mix):
    with web_server(tmp_path) as address, gate_before(address) as (outside, gate):
        with pytest.raises((ShardError, MixError), match=r"rows-.*: [\d,]+ bytes, but the cache .* may hold 10; allow it more"):
            open_mix(f"{outside}/out", cache=Cache(tmp_path / "cache", 10))
        assert not gate.requests


def test_an_opened_mix_can_be_sent_to_another_process(tmp_path, mix):
    away = open_mix(f"file://{tmp_path}/out", cache=Cache(tmp_path / "cache", 1 << 30))
    for opened in (mix, away):
        assert as_rows(pickle.loads(pickle.dumps(opened)).rows(3, 9)) == as_rows(mix.rows(3, 9))


def test_rows_of_any_numbers_come_in_the_requested_order(mix):
    straight = as_rows(mix.rows(0, mix.n_rows))
    numbers = [700, 3, 3, mix.n_rows - 1, 0, 512]
    assert as_rows(mix.take(numbers)) == [straight[number] for number in numbers]
    assert as_rows(mix.take([])) == []
    with pytest.raises(MixError, match=f"row {mix.n_rows} was requested"):
        mix.take([0, mix.n_rows])
