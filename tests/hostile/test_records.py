"""Whatever stands in a folder of ours: it is read as it was written, or refused in one line; nothing else, and nothing outside."""

import logging
from itertools import islice
from pathlib import Path

import pytest

from shards import remote
from shards.errors import CptkitError
from tests.hostile.records import READERS, everything, fresh, harms, make_home


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "home"
    make_home(folder)
    return folder


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch):
    monkeypatch.setattr(remote, "FIRST_WAIT_SECONDS", 0)
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def flip_bits(home: Path, name: str, stride: int) -> None:
    read, path = READERS[name], home / name
    whole, expected = path.read_bytes(), READERS[name](home)
    try:
        for bit in range(0, 8 * len(whole), stride):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            try:
                assert read(home) == expected, f"bit {bit} of {name} changes what is read"
            except CptkitError as error:
                assert str(path) in str(error) and "\n" not in str(error), f"bit {bit}: {error}"
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", READERS)
def test_a_flipped_bit_of_a_record_is_found_and_its_file_named_or_has_no_effect(home, name):
    flip_bits(home, name, 23)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_every_flipped_bit_of_a_record_is_found_and_its_file_named_or_has_no_effect(home, name):
    flip_bits(home, name, 1)


def campaign(home: Path, cage: Path, seed: int, n: int) -> None:
    cage.mkdir()
    keys = cage / "authorized_keys"
    keys.write_bytes(b"mine")
    expected = everything(fresh(home, cage / "home"))
    for number, harm in enumerate(islice(harms(seed), n)):
        done = harm(fresh(home, cage / "home"))
        where = f"{number} of seed {seed}: {done.words}"
        try:
            found = everything(cage / "home")
        except CptkitError as error:
            assert "\n" not in str(error), where
        except Exception as error:
            raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error
        else:
            assert done.is_silent or found == expected, f"{where}: read as something else"
        assert keys.read_bytes() == b"mine" and {path.name for path in cage.iterdir()} <= {"home", "cache", "imported", keys.name}, where


def test_hostile_folders_are_read_as_they_were_written_or_refused(home, tmp_path):
    campaign(home, tmp_path / "cage", seed=1, n=150)


@pytest.mark.slow
def test_ten_thousand_hostile_folders_are_read_as_they_were_written_or_refused(home, tmp_path):
    campaign(home, tmp_path / "cage", seed=2, n=10_000)
