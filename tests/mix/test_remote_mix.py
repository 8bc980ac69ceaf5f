import pickle
import shutil

import fsspec
import pytest

from mix.build import build
from mix.errors import MixError
from mix.stream import RowStream, open_mix
from mix.stream.datasets import RowLoader
from shards import remote
from shards.errors import ShardError
from shards.remote import Cache
from tests.mix.test_datasets import in_order
from tests.mix.test_stream import as_rows
from tests.shards.remote_server import S3_SETTINGS, door, s3_server, web_server


@pytest.fixture
def mix(tmp_path, two_sources):
    build(two_sources())
    return open_mix(tmp_path / "out")


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


def test_files_of_coming_rows_are_fetched_before_they_are_asked_for(tmp_path, mix):
    straight = as_rows(mix.rows(0, mix.n_rows))
    away = open_mix(f"file://{tmp_path}/out", cache=Cache(tmp_path / "cache"))
    away.fetch_ahead(0)
    away._ahead._pool.shutdown()
    names = {path.name for path in (tmp_path / "out" / "rows").rglob("*.arrow")}
    assert {path.name for path in (tmp_path / "cache").rglob("rows-*.arrow")} == names
    shutil.rmtree(tmp_path / "out")
    assert as_rows(away.rows(0, mix.n_rows)) == straight


@pytest.mark.parametrize("n_files", [1, 2])
def test_a_cache_too_small_for_the_mix_gives_the_same_rows(tmp_path, mix, n_files):
    sizes = [path.stat().st_size for path in (tmp_path / "out" / "rows").rglob("*.arrow")]
    assert len(sizes) > 1
    away = open_mix(f"file://{tmp_path}/out", cache=Cache(tmp_path / "cache", n_files * max(sizes)))
    stream = RowStream(away, 64)
    assert [row for batch in stream for row in as_rows(batch)] == as_rows(mix.rows(0, mix.n_rows))
    assert sum(path.stat().st_size for path in (tmp_path / "cache").rglob("rows-*.arrow")) <= n_files * max(sizes)


def test_a_server_that_goes_away_in_the_middle_is_one_clear_error(tmp_path, mix, monkeypatch):
    monkeypatch.setattr(remote, "FIRST_WAIT_SECONDS", 0.01)
    with web_server(tmp_path) as address, door(address) as (outside, asked):
        away = open_mix(f"{outside}/out", cache=Cache(tmp_path / "cache"))
        asked.troubles += ["error"] * 1000
        with pytest.raises(ShardError, match=r"out/rows/\w+/rows-.*: not to be had in 5 attempts"):
            list(RowStream(away, 64))
        asked.troubles.clear()
        assert as_rows(away.rows(0, mix.n_rows)) == as_rows(mix.rows(0, mix.n_rows))


def test_an_opened_mix_can_be_sent_to_another_process(tmp_path, mix):
    away = open_mix(f"file://{tmp_path}/out", cache=Cache(tmp_path / "cache", 1 << 30))
    for opened in (mix, away):
        assert as_rows(pickle.loads(pickle.dumps(opened)).rows(3, 9)) == as_rows(mix.rows(3, 9))
