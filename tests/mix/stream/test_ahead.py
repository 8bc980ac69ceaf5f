import shutil
import subprocess
import sys
import threading
import time
from functools import partial

import pytest

from mix import rows
from mix.build import build
from mix.stream import RowStream, open_mix, prepared_ahead
from mix.stream.ahead import FETCHERS
from shards import remote
from shards.errors import ShardError
from shards.remote import Cache
from tests.mix.stream.conftest import as_rows
from tests.shards.remote_server import door, web_server


def test_files_of_coming_rows_are_fetched_before_they_are_requested(tmp_path, mix, monkeypatch):
    straight = as_rows(mix.rows(0, mix.n_rows))
    fetch, fetched = PackedRows.fetch, queue.SimpleQueue()
    monkeypatch.setattr(PackedRows, "fetch", lambda self, file: fetched.put(fetch(self, file)))
    away = open_mix(f"file://{tmp_path}/out", cache=Cache(tmp_path / "cache"))
    away.fetch_ahead(0)
    names = {path.name for path in (tmp_path / "out" / "rows").rglob("*.arrow")}
    for _ in mix.sources:  # each has one file
        fetched.get()
    assert {path.name for path in (tmp_path / "cache").rglob("rows-*.arrow")} == names
    shutil.rmtree(tmp_path / "out")
    assert as_rows(away.rows(0, mix.n_rows)) == straight


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


def test_reading_ahead_stays_within_its_depth_and_ends_with_its_consumer():
    made, threads = [], set()

    def make(number):
        made.append(number)
        threads.add(threading.current_thread())
        return number * 10

    ahead = prepared_ahead(make, range(100), depth=3)
    assert [next(ahead), next(ahead)] == [0, 10]
    ahead.close()
    (thread,) = threads
    thread.join()
    assert thread is not threading.current_thread() and made == list(range(len(made))) and 2 <= len(made) <= 5
    assert list(prepared_ahead(partial(divmod, 7), [2, 4])) == [(3, 1), (1, 3)]
