"""A disk that fills up under a whole command: one line and exit code 2, what was finished stays, and a rerun with room gives the same bytes."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import command, content, run
from tests.corpus import write_corpus
from tests.flow import write_yaml

TIMES = ("timings.json", "report.html", ".cptkit-files")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recipes of the commands, and the inputs of each."""
    home = tmp_path_factory.mktemp("home")
    inputs = [{"path": str(write_corpus(home / "raw", 0, 300)), "source": "domain"}]
    write_yaml(home / "curate.yaml", {"name": "c", "inputs": inputs, "language": None, "rules": ["gopher_repetition"], "dedup": {"exact": True}})
    run("curate", "run", home / "curate.yaml", "--out", home / "curate")
    run("tokenize", "train", home / "curate/documents", "--vocab-size", 400, "--out", home / "tokenizer")
    run("tokenize", "run", home / "curate/documents", "--tokenizer", home / "tokenizer", "--out", home / "tokens")
    sources = {"domain": {"tokens": str(home / "tokens"), "max_epochs": 10}}
    write_yaml(home / "mix.yaml", {"name": "m", "row_tokens": 128, "sources": sources, "tokens": 40_000, "weights": {"domain": 1}})
    run("mix", "build", home / "mix.yaml", "--out", home / "mix")
    return home


def arguments(home: Path, name: str) -> tuple[object, ...]:
    return {
        "curate": ("curate", "run", home / "curate.yaml"),
        "tokens": ("tokenize", "run", home / "curate/documents", "--tokenizer", home / "tokenizer"),
        "mix": ("mix", "build", home / "mix.yaml"),
    }[name]


def no_file_beyond(n_bytes: int) -> None:
    """In a child: writing more fails as on a full disk, but for the number of the error."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", ["curate", "tokens", "mix"])
def test_a_full_disk_is_one_line_and_a_rerun_with_room_gives_the_same_bytes(home: Path, tmp_path: Path, name: str, workers: int) -> None:
    whole, out = home / name, tmp_path / "out"
    largest = max(path.stat().st_size for path in whole.rglob("*.arrow"))
    option = ("--set", f"workers={workers}") if name == "curate" else ("--workers", workers)
    given = (*arguments(home, name), *option, "--out", out)
    full = subprocess.run(command(*given), capture_output=True, text=True, preexec_fn=lambda: no_file_beyond(largest // 2))
    errors = [line for line in full.stderr.splitlines() if "error" in line.lower() or "Traceback" in line]
    assert full.returncode == 2 and len(errors) == 1 and "make room and run again" in errors[0], full.stderr
    assert not list(out.rglob("*.tmp"))
    run(*given)
    assert content(out, without=TIMES) == content(whole, without=TIMES)


@pytest.mark.parametrize("number", ["ENOSPC", "EDQUOT", "EFBIG"])
def test_a_library_that_finds_the_disk_full_is_one_line_too(number: str) -> None:
    program = "import errno, os, sys; from shards.console import main\n"
    program += f"def fail(): raise OSError(errno.{number}, os.strerror(errno.{number}), '/x/kernel.nbc')\nmain(fail)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("error: /x/kernel.nbc: cannot write (") and done.stderr.count("\n") == 1
