import pickle
import shutil
import subprocess
import sys
import threading
import time

import fsspec
import pytest

from mix import rows
from mix.build import build
from mix.errors import MixError
from mix.stream import RowStream, open_mix
from mix.stream.ahead import FETCHERS
from mix.stream.datasets import RowLoader
from shards import remote
from shards.errors import ShardError
from shards.remote import Cache
from tests.mix.stream.test_datasets import in_order
from tests.mix.stream.test_reader import as_rows
from tests.records import edit
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
    while [thread for thread in threading.enumerate() if thread.name.startswith("fetch_ahead")] and len(list((tmp_path / "cache").rglob("rows-*.arrow"))) < 2:
        time.sleep(0.01)
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
        with pytest.raises(ShardError, match=r"out/rows/\w+/rows-.*: 5 attempts to fetch it failed"):
            list(RowStream(away, 64))
        asked.troubles.clear()
        assert as_rows(away.rows(0, mix.n_rows)) == as_rows(mix.rows(0, mix.n_rows))


@pytest.fixture
def many_files(tmp_path, two_sources, monkeypatch):
    """A mix of sixty files and more in `out`."""
    monkeypatch.setattr(rows, "ROWS_PER_FILE", 8)
    built = two_sources(workers=1)
    build(built)
    assert len(list((tmp_path / "out" / "rows").rglob("*.arrow"))) > 60
    return tmp_path / "out"


@pytest.fixture
def fetchers():
    """fetchers() are the threads that read and fetch ahead for this test."""
    before = set(threading.enumerate())
    return lambda: [thread for thread in set(threading.enumerate()) - before if thread.name.startswith(("fetch_ahead", "prepared_ahead"))]


def wait_until(is_so):
    deadline = time.monotonic() + 60
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_so()


def test_nothing_more_is_asked_for_after_the_close_of_a_reader_of_a_slow_server(tmp_path, many_files, fetchers):
    with web_server(tmp_path) as address, door(address) as (outside, asked):
        stream = RowStream(open_mix(f"{outside}/out", cache=Cache(tmp_path / "cache")), 4, depth=1)
        asked.troubles += [""] * 30 + ["hold"] * 1000
        next(stream)
        wait_until(lambda: len(asked.asked) >= 30 + FETCHERS)
        stream.close()
        n_asked = len(asked.asked)
        asked.troubles.clear()
        asked.opened.set()
        wait_until(lambda: not fetchers())
        assert len(asked.asked) <= n_asked + 1  # what the reader itself was waiting for, and no queue
        assert as_rows(stream.mix.rows(0, 9)) == as_rows(open_mix(many_files).rows(0, 9))


def test_a_reader_that_is_closed_while_its_server_answers_with_errors_stops_trying(tmp_path, many_files, fetchers, monkeypatch):
    monkeypatch.setattr(remote, "FIRST_WAIT_SECONDS", 3600)
    with web_server(tmp_path) as address, door(address) as (outside, asked):
        stream = RowStream(open_mix(f"{outside}/out", cache=Cache(tmp_path / "cache")), 4, depth=1)
        asked.troubles += [""] * 30 + ["error"] * 1000
        next(stream)
        wait_until(lambda: len(asked.asked) >= 30 + FETCHERS)
        stream.close()
        wait_until(lambda: not fetchers())
        assert len(asked.asked) <= 30 + FETCHERS + 1


def test_an_error_while_reading_ends_what_is_fetched_ahead(tmp_path, many_files, fetchers, monkeypatch):
    monkeypatch.setattr(remote, "FIRST_WAIT_SECONDS", 0.05)
    with web_server(tmp_path) as address, door(address) as (outside, asked):
        asked.troubles += ["error"] * 1000
        with pytest.raises(ShardError, match="5 attempts to fetch it failed"):
            list(RowStream(open_mix(f"{outside}/out", cache=Cache(tmp_path / "cache")), 8))
        wait_until(lambda: not fetchers())
        assert len(asked.asked) < 150  # five for each of sixty files and more would be over 300


def test_a_program_that_ends_with_an_error_does_not_wait_for_what_it_fetches_ahead(tmp_path, many_files):
    with web_server(tmp_path) as address, door(address) as (outside, asked):
        asked.troubles += ["", *["hold"] * 1000]  # opening takes one
        code = "import sys, time; from mix.stream import open_mix; from shards.remote import Cache; from pathlib import Path\n"
        code += "mix = open_mix(sys.argv[1], cache=Cache(Path(sys.argv[2]))); mix.fetch_ahead(0); time.sleep(1); raise SystemExit(5)"
        done = subprocess.run([sys.executable, "-c", code, f"{outside}/out", str(tmp_path / "cache")], capture_output=True, text=True, timeout=50)
        asked.opened.set()
        assert (done.returncode, done.stdout, done.stderr) == (5, "", "")
        assert 2 <= len(asked.asked) <= 1 + FETCHERS


@pytest.mark.parametrize("name", ["manifest.json", "plan.json"])
def test_a_small_file_that_was_damaged_on_its_way_is_fetched_again_and_one_that_is_damaged_there_is_refused(tmp_path, mix, name):
    with web_server(tmp_path) as address, door(address) as (outside, asked):
        asked.also = (f"/out/{name}",)
        asked.troubles += ["flip"]  # the last character, so that it is no JSON
        if name == "plan.json":
            (tmp_path / "out" / name).write_bytes((tmp_path / "out" / name).read_bytes().rstrip())
        away = open_mix(f"{outside}/out", cache=Cache(tmp_path / "cache"))
        assert as_rows(away.rows(0, 9)) == as_rows(mix.rows(0, 9))
        assert sum(path.endswith(name) for path in asked.asked) == 2
        (tmp_path / "out" / name).write_text("{}")
        with pytest.raises((ShardError, MixError), match=name):
            open_mix(f"{outside}/out", cache=Cache(tmp_path / "cache2"))


def test_a_cache_too_small_for_a_file_is_refused_before_anything_is_fetched(tmp_path, many_files):
    with web_server(tmp_path) as address, door(address) as (outside, asked):
        with pytest.raises((ShardError, MixError), match=r"rows-.*: [\d,]+ bytes, but the cache .* may hold 10; allow it more"):
            open_mix(f"{outside}/out", cache=Cache(tmp_path / "cache", 10))
        assert not asked.asked


def test_an_opened_mix_can_be_sent_to_another_process(tmp_path, mix):
    away = open_mix(f"file://{tmp_path}/out", cache=Cache(tmp_path / "cache", 1 << 30))
    for opened in (mix, away):
        assert as_rows(pickle.loads(pickle.dumps(opened)).rows(3, 9)) == as_rows(mix.rows(3, 9))


@pytest.mark.parametrize("name", ["../../../../home", "/home", "..", "web/../../../../../home"])
def test_a_plan_cannot_name_a_folder_outside_of_the_mix(tmp_path, mix, name):
    edit(tmp_path / "out" / "plan.json", lambda content: content["sources"][0].update(name=name))
    for place in (tmp_path / "out", f"file://{tmp_path}/out"):
        with pytest.raises(MixError, match=r"plan\.json: sources\.0\.name: names are letters, digits"):
            open_mix(place, cache=Cache(tmp_path / "cache"))
    assert not (tmp_path / "home").exists()
