import shutil
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from mix import rows
from mix.build import build
from mix.stream import RowStream, open_mix, prepared_ahead
from mix.stream.ahead import FETCHERS
from mix.stream.packed import PackedRows
from shards import remote
from shards.errors import ShardError
from shards.remote import Cache
from tests.mix.stream.conftest import as_rows
from tests.shards.remote_server import gate_before, web_server


def test_files_of_coming_rows_are_fetched_before_they_are_requested(tmp_path, mix, monkeypatch):
    straight = as_rows(mix.rows(0, mix.n_rows))
    fetch, fetched = PackedRows.fetch, threading.Semaphore(0)

    def fetch_and_count(self, file):
        try:
            fetch(self, file)
        finally:
            fetched.release()

    monkeypatch.setattr(PackedRows, "fetch", fetch_and_count)
    away = open_mix(f"file://{tmp_path}/out", cache=Cache(tmp_path / "cache"))
    away.fetch_ahead(0)
    names = {path.name for path in (tmp_path / "out" / "rows").rglob("*.arrow")}
    for _ in mix.sources:  # each has one file
        fetched.acquire()
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
def end_fetchers():
    """end_fetchers() waits until all threads have ended that read or fetch ahead for this test."""
    before = set(threading.enumerate())

    def join() -> None:
        for thread in set(threading.enumerate()) - before:
            if thread.name.startswith(("fetch_ahead", "prepared_ahead")):
                thread.join()

    return join


def begin(address: str, cache: Path, trouble: str, gate, monkeypatch) -> tuple[RowStream, int]:
    """A stream that has returned its first batch while every fetcher meets `trouble`, and the number of requests before that."""
    stream = RowStream(open_mix(address, cache=Cache(cache)), 4, depth=1)
    stream.mix.rows(0, 8)  # the files of the first batches
    n_requests = len(gate.requests)
    monkeypatch.setattr(remote, "FIRST_WAIT_SECONDS", 3600)  # between two attempts
    gate.troubles += [trouble] * 1000
    next(stream)
    gate.wait_for_requests(n_requests + FETCHERS)
    return stream, n_requests


def test_nothing_more_is_requested_after_the_close_of_a_reader_of_a_slow_server(tmp_path, many_files, end_fetchers, monkeypatch):
    with web_server(tmp_path) as address, gate_before(address) as (outside, gate):
        stream, n_requests = begin(f"{outside}/out", tmp_path / "cache", "hold", gate, monkeypatch)
        stream.close()
        gate.troubles.clear()
        gate.opened.set()
        end_fetchers()
        assert len(gate.requests) <= n_requests + FETCHERS + 1  # one a fetcher and one for the reader itself, none from the queue
        monkeypatch.setattr(remote, "FIRST_WAIT_SECONDS", 0.1)
        assert as_rows(stream.mix.rows(0, 9)) == as_rows(open_mix(many_files).rows(0, 9))


def test_a_reader_that_is_closed_while_its_server_answers_with_errors_stops_trying(tmp_path, many_files, end_fetchers, monkeypatch):
    with web_server(tmp_path) as address, gate_before(address) as (outside, gate):
        stream, n_requests = begin(f"{outside}/out", tmp_path / "cache", "error", gate, monkeypatch)
        stream.close()
        end_fetchers()
        assert len(gate.requests) <= n_requests + FETCHERS + 1


def test_an_error_while_reading_stops_fetching_ahead(tmp_path, many_files, end_fetchers, monkeypatch):
    monkeypatch.setattr(remote, "FIRST_WAIT_SECONDS", 0.1)
    with web_server(tmp_path) as address, gate_before(address) as (outside, gate):
        gate.troubles += ["error"] * 1000
        with pytest.raises(ShardError, match="5 attempts to fetch it failed"):
            list(RowStream(open_mix(f"{outside}/out", cache=Cache(tmp_path / "cache")), 8))
        end_fetchers()
        assert len(gate.requests) < 5 * 60  # five attempts for each of more than sixty files


def test_a_program_that_ends_with_an_error_does_not_wait_for_what_it_fetches_ahead(tmp_path, many_files):
    with web_server(tmp_path) as address, gate_before(address) as (outside, gate):
        gate.troubles += ["", *["hold"] * 1000]  # opening takes one
        code = "import sys; from mix.stream import open_mix; from shards.remote import Cache; from pathlib import Path\n"
        code += "mix = open_mix(sys.argv[1], cache=Cache(Path(sys.argv[2]))); mix.fetch_ahead(0); input(); raise SystemExit(5)"
        command = [sys.executable, "-c", code, f"{outside}/out", str(tmp_path / "cache")]
        program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        gate.wait_for_requests(2)
        out, error = program.communicate("\n")  # ends although the server still holds the requests
        gate.opened.set()
        assert (program.returncode, out, error) == (5, "", "")
        assert 2 <= len(gate.requests) <= 1 + FETCHERS


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
