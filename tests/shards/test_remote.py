import multiprocessing
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest

from shards import remote
from shards.errors import ShardError
from shards.folder import claim
from shards.manifest import read_manifest
from shards.remote import Cache, Mirror, default_cache, open_set
from shards.write import write_set
from tests.records import edit
from tests.shards.remote_server import S3_SETTINGS, gate_before, s3_server, web_server

SCHEMA = pa.schema([("number", pa.int64())])
N_FILES, ROWS_PER_FILE = 6, 500


def write_numbers(folder: Path) -> Path:
    batches = [pa.record_batch([pa.array(range(N_FILES * ROWS_PER_FILE), pa.int64())], schema=SCHEMA)]
    write_set(folder, "numbers", SCHEMA, batches, rows_per_file=ROWS_PER_FILE, compression=None)
    return folder


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch):
    monkeypatch.setattr(remote, "FIRST_WAIT_SECONDS", 0.01)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory) -> Path:
    return write_numbers(tmp_path_factory.mktemp("behind") / "numbers")


@pytest.fixture(scope="module")
def s3(numbers):
    """Address of an S3 server that holds `s3://bucket/numbers`."""
    with s3_server() as address:
        files = fsspec.filesystem("s3", endpoint_url=address, **S3_SETTINGS)
        files.put(str(numbers), "bucket/numbers", recursive=True)
        yield address


@pytest.fixture
def through(monkeypatch):
    """through(address) lets s3:// mean the server at that address; `timeouts` are those of its client."""

    def use(address: str, **timeouts: float) -> None:
        settings = S3_SETTINGS | {"endpoint_url": address, "config_kwargs": S3_SETTINGS["config_kwargs"] | timeouts}
        monkeypatch.setitem(fsspec.config.conf, "s3", settings)
        fsspec.get_filesystem_class("s3").clear_instance_cache()

    return use


def read(place: Mirror) -> list[int]:
    return open_set(place, "numbers").to_table()["number"].to_pylist()


EXPECTED = list(range(N_FILES * ROWS_PER_FILE))


def test_a_set_in_s3_reads_as_in_its_folder_and_is_fetched_once(tmp_path, s3, through):
    with gate_before(s3) as (address, gate):
        through(address)
        for _ in range(2):
            assert read(Mirror("s3://bucket/numbers", Cache(tmp_path))) == EXPECTED
        assert len(gate.requests) == N_FILES
    assert sorted(path.name for path in (tmp_path / "s3" / "bucket" / "numbers").glob("*.arrow")) == [f"part-{n:05d}.arrow" for n in range(N_FILES)]


def test_only_the_files_that_are_read_are_fetched(tmp_path, s3, through):
    through(s3)
    opened = open_set(Mirror("s3://bucket/numbers/", Cache(tmp_path)), "numbers")
    assert opened.table(2)["number"][0].as_py() == 2 * ROWS_PER_FILE
    assert [path.name for path in tmp_path.rglob("*.arrow")] == ["part-00002.arrow"]


@pytest.mark.parametrize("troubles", [["error"], ["cut"], ["flip"], ["stall"], ["error", "flip", "cut"]])
def test_temporary_faults_of_a_server_are_retried(tmp_path, s3, through, troubles):
    with gate_before(s3) as (address, gate):
        through(address, **({"read_timeout": 2} if "stall" in troubles else {}))
        gate.troubles += troubles
        assert read(Mirror("s3://bucket/numbers", Cache(tmp_path))) == EXPECTED
        assert not gate.troubles and not list(tmp_path.rglob(".*.part"))


def test_http_and_file_urls_are_read_alike(tmp_path, numbers):
    with web_server(numbers.parent) as address:
        assert read(Mirror(f"{address}/numbers", Cache(tmp_path / "a"))) == EXPECTED
        with gate_before(address) as (outside, gate):
            gate.troubles += ["cut", "error"]
            assert read(Mirror(f"{outside}/numbers", Cache(tmp_path / "b"))) == EXPECTED
    assert read(Mirror(f"file://{numbers}", Cache(tmp_path / "c"))) == EXPECTED


def test_a_server_that_keeps_failing_is_a_clear_error(tmp_path, numbers):
    with web_server(numbers.parent) as address, gate_before(address) as (outside, gate):
        gate.troubles += ["flip"] * 100
        with pytest.raises(ShardError, match=r"numbers/part-00000\.arrow: 5 attempts to fetch it failed .*arrived with checksum"):
            read(Mirror(f"{outside}/numbers", Cache(tmp_path)))
    assert not list(tmp_path.rglob("*.arrow")) and not list(tmp_path.rglob(".*.part"))


def test_an_unreachable_server_is_a_clear_error(tmp_path, through):
    through("http://127.0.0.1:9")
    with pytest.raises(ShardError, match=r"s3://bucket/numbers/manifest\.json: 5 attempts to fetch it failed"):
        open_set(Mirror("s3://bucket/numbers", Cache(tmp_path)))


@pytest.mark.parametrize(
    "url, said", [("s3://bucket/nothing", "cannot be read"), ("s3://no-bucket/numbers", "cannot be read"), ("quux://somewhere", "no reader for quux://")]
)
def test_a_missing_location_is_reported_at_once(tmp_path, s3, through, url, said):
    through(s3)
    with pytest.raises(ShardError, match=said):
        open_set(Mirror(url, Cache(tmp_path)))


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:99] + bytes([data[99] ^ 1]) + data[100:], lambda data: b""])
def test_a_damaged_file_in_the_cache_is_found_and_fetched_again(tmp_path, numbers, damage):
    place = Mirror(f"file://{numbers}", Cache(tmp_path))
    read(place)
    copy = place.folder / "part-00003.arrow"
    copy.write_bytes(damage(copy.read_bytes()))
    assert read(Mirror(f"file://{numbers}", Cache(tmp_path))) == EXPECTED
    assert copy.read_bytes() == (numbers / "part-00003.arrow").read_bytes()


def test_a_rewritten_set_is_fetched_again(tmp_path):
    folder, cache = tmp_path / "behind", Cache(tmp_path / "cache")
    write_numbers(folder)
    read(Mirror(f"file://{folder}", cache))
    write_set(folder, "numbers", SCHEMA, [pa.record_batch([pa.array([7] * 500, pa.int64())], schema=SCHEMA)], compression=None)
    assert read(Mirror(f"file://{folder}", cache)) == [7] * 500


def test_a_bounded_cache_stays_within_its_limit_and_deletes_the_files_opened_longest_ago(tmp_path, numbers):
    n_bytes = (numbers / "part-00000.arrow").stat().st_size
    place = Mirror(f"file://{numbers}", Cache(tmp_path, 2 * n_bytes + 1))
    opened = open_set(place, "numbers")
    for number in (0, 1, 0, 2, 0, 3, 0):
        assert opened.open_table(number)["number"][0].as_py() == number * ROWS_PER_FILE
        assert sum(path.stat().st_size for path in tmp_path.rglob("*.arrow")) <= 2 * n_bytes + 1
    assert sorted(path.name for path in tmp_path.rglob("*.arrow")) == ["part-00000.arrow", "part-00003.arrow"]


def test_a_limit_below_one_file_is_refused_with_both_sizes(tmp_path, numbers):
    with pytest.raises(ShardError, match=r"part-00000.arrow: [\d,]+ bytes, but the cache .* may hold 10; allow it more"):
        read(Mirror(f"file://{numbers}", Cache(tmp_path, 10)))


def test_the_environment_names_the_cache_and_its_bound(tmp_path, monkeypatch):
    monkeypatch.setenv("CPTKIT_CACHE", str(tmp_path))
    for given, expected in {"": None, "12": 12, "500M": 500_000_000, "1.5T": 1_500_000_000_000, "2GB": 2_000_000_000}.items():
        monkeypatch.setenv("CPTKIT_CACHE_BYTES", given)
        assert default_cache() == Cache(tmp_path, expected)
    monkeypatch.setenv("CPTKIT_CACHE_BYTES", "much")
    with pytest.raises(ShardError, match="CPTKIT_CACHE_BYTES much: not an amount of bytes"):
        default_cache()


def test_a_partial_file_of_a_killed_process_is_replaced(tmp_path, numbers):
    place = Mirror(f"file://{numbers}", Cache(tmp_path, 1 << 20))
    claim(place.folder, ["part-00000.arrow", "part-00009.arrow"])
    n_bytes = (numbers / "part-00000.arrow").stat().st_size
    (place.folder / f".part-00000.arrow.{n_bytes}.part").write_bytes(b"half")
    (place.folder / f".part-00009.arrow.{1 << 20}.part").write_bytes(b"of a set that nobody reads any more")
    assert read(place) == EXPECTED
    assert not list(tmp_path.rglob(".*.part"))


def test_a_cache_in_a_users_folder_deletes_only_fetched_files(tmp_path, numbers):
    n_bytes = (numbers / "part-00000.arrow").stat().st_size
    place = Mirror(f"file://{numbers}", Cache(tmp_path, 2 * n_bytes))
    mine = [tmp_path / "old.arrow", tmp_path / ".old.arrow.12.part", tmp_path / ".lock", tmp_path / "set" / "part-00000.arrow"]
    mine += [place.folder / "mine.arrow", place.folder / ".mine.arrow.9.part"]
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 100)
        os.utime(path, (1, 1))
    assert read(place) == EXPECTED
    assert all(path.read_bytes() == b"x" * 100 for path in mine)
    assert sum(path.stat().st_size for path in place.folder.glob("part-*.arrow")) <= 2 * n_bytes


def test_a_foreign_file_in_the_place_of_a_cached_file_is_refused(tmp_path, numbers):
    place = Mirror(f"file://{numbers}", Cache(tmp_path))
    place.folder.mkdir(parents=True)
    (place.folder / "part-00000.arrow").write_bytes(b"mine")
    with pytest.raises(ShardError, match=r"part-00000.arrow: already exists, and no record shows"):
        read(place)
    assert (place.folder / "part-00000.arrow").read_bytes() == b"mine"


def read_in_process(url: str, cache: Path, max_bytes: int | None) -> int:
    return sum(read(Mirror(url, Cache(cache, max_bytes))))


@pytest.mark.parametrize("files_in_cache", [None, 2])
def test_processes_and_threads_of_one_node_share_a_cache(tmp_path, numbers, files_in_cache):
    n_bytes = (numbers / "part-00000.arrow").stat().st_size
    bound = None if files_in_cache is None else files_in_cache * n_bytes
    with web_server(numbers.parent) as address, gate_before(address) as (outside, gate):
        jobs = [(f"{outside}/numbers", tmp_path, bound)] * 3
        with multiprocessing.get_context("spawn").Pool(3) as processes, ThreadPoolExecutor(3) as threads:
            waiting = processes.starmap_async(read_in_process, jobs)
            in_threads = [threads.submit(read_in_process, *job) for job in jobs]
            assert [job.result() for job in in_threads] == waiting.get() == [sum(EXPECTED)] * 3
        if bound is None:
            assert len(gate.requests) == N_FILES
    assert not list(tmp_path.rglob(".*.part"))


@pytest.mark.parametrize("trouble", ["flip", "cut", "error"])
def test_a_manifest_that_arrives_damaged_is_fetched_again(tmp_path, numbers, trouble):
    with web_server(numbers.parent) as address, gate_before(address) as (outside, gate):
        gate.also = (".json",)
        gate.troubles.append(trouble)
        assert read(Mirror(f"{outside}/numbers", Cache(tmp_path))) == EXPECTED
        assert [path.rpartition("/")[2] for path in gate.requests].count("manifest.json") == 2


def test_every_flipped_byte_of_a_manifest_is_detected_when_it_arrives(tmp_path, numbers, monkeypatch):
    whole = (numbers / "manifest.json").read_bytes()
    for position in range(0, len(whole) - 1, 7):
        arriving = [whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :], whole]
        monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.cat_file", lambda *_, arriving=arriving: arriving.pop(0))
        monkeypatch.setattr(remote, "FIRST_WAIT_SECONDS", 0)
        place = Mirror(f"file://{numbers}", Cache(tmp_path))
        place.copy("manifest.json", lambda place=place: read_manifest(place.folder))
        assert (place.folder / "manifest.json").read_bytes() == whole and not arriving


def test_a_manifest_that_is_damaged_on_the_server_is_reported_as_damaged(tmp_path, numbers):
    shutil.copytree(numbers, tmp_path / "numbers")
    path = tmp_path / "numbers" / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"500", b"501", 1))
    with pytest.raises(ShardError, match=r"manifest\.json: damaged or edited by hand"):
        open_set(Mirror(f"file://{tmp_path / 'numbers'}", Cache(tmp_path / "cache")))


def test_a_cache_that_cannot_hold_the_largest_file_is_refused_before_any_is_fetched(tmp_path, numbers):
    with pytest.raises(ShardError, match="may hold 10"):
        open_set(Mirror(f"file://{numbers}", Cache(tmp_path, 10)))
    assert not list(tmp_path.rglob("*.arrow"))


def test_a_wrong_row_count_is_found_when_the_file_is_opened(tmp_path, numbers):
    shutil.copytree(numbers, tmp_path / "numbers")
    for n_rows, said in (
        (499, "500 rows, the manifest says 499"),
        (10**12, "500 rows, the manifest says 1,000,000,000,000"),
        (-5, "greater than or equal to 0"),
    ):
        edit(tmp_path / "numbers" / "manifest.json", lambda content, n_rows=n_rows: content["files"][2].update(n_rows=n_rows))
        for place in (tmp_path / "numbers", Mirror(f"file://{tmp_path / 'numbers'}", Cache(tmp_path / "cache"))):
            with pytest.raises(ShardError, match=said):
                open_set(place).to_table()
