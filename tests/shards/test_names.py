"""Names in records and addresses become paths: none leads out of its folder, whoever wrote it."""

import os
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from shards import remote
from shards.errors import ShardError
from shards.manifest import read_manifest
from shards.names import ArrowName, FileName, InnerPath, url_parts
from shards.read import ShardSet
from shards.remote import Cache, Mirror, open_set
from shards.write import write_set
from tests.records import content_of, edit
from tests.shards.remote_server import web_server

SCHEMA = pa.schema([("n", pa.int64())])
OUTSIDE = [
    "../secret.arrow",
    "../../.ssh/authorized_keys",
    "/etc/passwd",
    "a/b.arrow",
    "a\\b.arrow",
    "..",
    ".",
    "",
    ".hidden.arrow",
    "a\x00.arrow",
    "a\n.arrow",
    "a\x1b[2J.arrow",
    " .arrow",
    "a b.arrow",
    "-rf.arrow",
    "~root.arrow",
    "%2e%2e%2fa.arrow",
    "C:x.arrow",
    "x" * 250 + ".arrow",
    "\u202ex.arrow",
    "\ud800.arrow",
]


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch):
    monkeypatch.setattr(remote, "FIRST_WAIT_SECONDS", 0.01)


@pytest.fixture
def numbers(tmp_path) -> Path:
    write_set(tmp_path / "behind" / "numbers", "numbers", SCHEMA, [pa.record_batch([pa.array(range(9))], schema=SCHEMA)], compression=None)
    return tmp_path / "behind" / "numbers"


def rename_in_manifest(folder: Path, name: str) -> None:
    edit(folder / "manifest.json", lambda content: content["files"][0].update(name=name))


@pytest.mark.parametrize("name", OUTSIDE, ids=ascii)
def test_only_names_of_files_directly_in_the_folder_are_accepted(name):
    for kind in (FileName, ArrowName):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(name)


def test_names_of_any_script_are_accepted_unchanged():
    for name in ("part-00000.arrow", "rows-00000-00000.arrow", "новости.ru", "zh_tw", "c++", "Ünï-1.arrow", "_x", "3"):
        assert TypeAdapter(FileName).validate_python(name) == name
    for path in ("trainer_state/.metadata", "trainer_state/__0_0.distcp", "config.json"):
        assert TypeAdapter(InnerPath).validate_python(path) == path
    for path in ("../x", "a/../b", "/a", "a//b", "a/", "..", "a/."):
        with pytest.raises(ValidationError):
            TypeAdapter(InnerPath).validate_python(path)


@pytest.mark.parametrize("name", ["../secret.arrow", "/etc/hostname", "a/../../b.arrow"])
def test_a_local_set_reads_nothing_outside_of_its_folder(numbers, name):
    (numbers.parent / "secret.arrow").write_bytes(next(numbers.glob("*.arrow")).read_bytes())
    rename_in_manifest(numbers, name)
    with pytest.raises(ShardError, match=r"manifest\.json: files\.0\.name: names .* \(got "):
        ShardSet(numbers)


def everything_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("protocol", ["file", "http"])
@pytest.mark.parametrize("name", ["../../../../../authorized_keys", "../../../../../authorized_keys.arrow", "{home}/authorized_keys", "{home}/keys.arrow"])
def test_a_set_behind_a_url_writes_nothing_outside_of_the_cache(tmp_path, numbers, protocol, name):
    home = tmp_path / "home"
    home.mkdir()
    for kept in ("authorized_keys", "authorized_keys.arrow", "keys.arrow"):
        (home / kept).write_bytes(b"mine")
    content = next(numbers.glob("*.arrow")).read_bytes()
    for kept in ("authorized_keys", "authorized_keys.arrow", "keys.arrow"):
        (tmp_path / "behind" / kept).write_bytes(content)
    rename_in_manifest(numbers, name.format(home=home))
    before = everything_below(home)
    with web_server(tmp_path) as address:
        base = address if protocol == "http" else f"file://{tmp_path}"
        with pytest.raises(ShardError, match=r"files\.0\.name"):
            open_set(Mirror(f"{base}/behind/numbers", Cache(home / "cache"))).to_table()
    assert {path: data for path, data in everything_below(home).items() if not path.startswith("cache/")} == before
    assert [path.name for path in (home / "cache").rglob("*") if path.is_file()] == ["manifest.json"]


@pytest.mark.parametrize(
    "url",
    [
        "file://../..",
        "file:///tmp/../etc",
        "s3://b/../../x",
        "s3://../x",
        "http://host/%2e%2e/x",
        "http://host/%252e%252e/x",
        "http://host/a%2f..%2fb",
        "http://host/a\\..\\b",
        "http://host/a%5cb",
        "http://host/a\x00b",
        "http://host//x",
        "http://",
        "://x",
        "../x://y",
        "simplecache::s3://b/x",
        "zip://a::http://host/x",
        "http://host/" + "x" * 300,
    ],
)
def test_no_address_leads_out_of_the_cache(tmp_path, url):
    with pytest.raises(ShardError, match="address"):
        Mirror(url, Cache(tmp_path))
    assert not list(tmp_path.iterdir())


def test_plain_addresses_lie_in_the_cache_as_they_are_written():
    assert url_parts("s3://bucket/mix/rows") == ["s3", "bucket", "mix", "rows"]
    assert url_parts("file:///home/me/.cache/a%20b") == ["file", "home", "me", ".cache", "a%20b"]
    assert url_parts("https://host:8000/v1..2/x") == ["https", "host:8000", "v1..2", "x"]


def test_a_data_file_that_is_a_link_out_of_its_set_is_refused_and_a_hard_link_is_read(tmp_path, numbers):
    path = next(numbers.glob("*.arrow"))
    os.link(path, tmp_path / "elsewhere.arrow")
    assert ShardSet(numbers).to_table().num_rows == 9
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere.arrow")
    with pytest.raises(ShardError, match=r"a symbolic link to .*elsewhere\.arrow, outside its set"):
        ShardSet(numbers)
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(ShardError, match=r"cannot be read|missing"):
        ShardSet(numbers)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ShardError, match="not a file"):
        ShardSet(numbers)


def test_a_link_inside_the_cache_is_not_followed(tmp_path, numbers):
    place, away = Mirror(f"file://{numbers}", Cache(tmp_path / "cache")), tmp_path / "away"
    away.mkdir()
    place.folder.parent.mkdir(parents=True)
    place.folder.symlink_to(away)
    with pytest.raises(ShardError, match="a symbolic link inside the cache"):
        open_set(place)
    place.folder.unlink()
    place.folder.mkdir()
    name = read_manifest(numbers).files[0].name
    kept = away / "kept"
    kept.write_bytes(b"mine")
    (place.folder / name).symlink_to(kept)
    with pytest.raises(ShardError, match=f"{name}: already exists, and no record shows"):
        open_set(place).to_table()
    assert kept.read_bytes() == b"mine"
    (place.folder / name).unlink()
    assert open_set(place).to_table().num_rows == 9
    (place.folder / name).unlink()
    (place.folder / name).symlink_to(kept)  # in the place of a copy that was ours
    assert open_set(place).to_table().num_rows == 9
    assert kept.read_bytes() == b"mine" and not (place.folder / name).is_symlink()


def test_a_manifest_that_lists_a_file_twice_is_refused(numbers):
    edit(numbers / "manifest.json", lambda content: content["files"].append(content["files"][0]))
    with pytest.raises(ShardError, match=r"files: part-00000\.arrow appears twice"):
        ShardSet(numbers)
    assert content_of(numbers / "manifest.json")["kind"] == "numbers"
