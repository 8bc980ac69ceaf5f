import json
import logging
import subprocess

import pytest

from tests.commands import run
from tests.tokenize_tools.samples import byte_level, documents_set, prose
from tokenize_tools import probe
from tokenize_tools.backends import build
from tokenize_tools.definition import read_definition
from tokenize_tools.errors import TokenizeError
from tokenize_tools.probe import problems
from tokenize_tools.selfcheck import choose_backend, differences
from tokenize_tools.texts import strings

ENDS = {
    "import os; os.abort()": "ends the process (SIGABRT",
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": "ends the process (SIGSEGV",
    "import os; os._exit(134)": "ends the process (exit code 134)",
    "while True: pass": "does not finish within 1 s of CPU time",
    "class PanicException(BaseException): pass\nraise PanicException('index out of\\nbounds')": "panics (gigatoken panicked (index out of bounds)",
}
"""What a library does when it is imported → what is reported."""


@pytest.fixture
def children(tmp_path, monkeypatch):
    """An empty cache, and the child processes that were started with the libraries tried in each."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(probe, "CPU_SECONDS", 1)
    started, start = [], probe._in_child

    def counted(names, json_text):
        started.append(list(names))
        return start(names, json_text)

    monkeypatch.setattr(probe, "_in_child", counted)
    return started


def break_library(name, code, folder, monkeypatch):
    """Children import this instead of the library, because they have our module path. It is not loaded in this process."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(folder)


@pytest.mark.parametrize("code", ENDS)
def test_a_library_that_ends_its_process_is_reported_and_the_next_one_is_used(tmp_path, monkeypatch, children, caplog, code):
    break_library("gigatoken", code, tmp_path / "broken", monkeypatch)
    definition = read_definition(byte_level(tmp_path / "bpe"))
    with caplog.at_level(logging.WARNING):
        assert choose_backend("auto", definition, prose(0, 2)).name == "fastokens"
    assert ENDS[code] in caplog.text and len(caplog.records) == 1
    with pytest.raises(TokenizeError, match=r"gigatoken [\d.]+ .* with the tokenizer bpe; use --backend hf"):
        choose_backend("gigatoken", definition, [])
    assert children == [["tokenizers", "gigatoken"], ["fastokens"]]


def test_if_every_fast_library_ends_its_process_the_reference_encodes(tmp_path, monkeypatch, children, caplog):
    for name in ("gigatoken", "fastokens"):
        break_library(name, "import os; os.abort()", tmp_path / "broken", monkeypatch)
    assert choose_backend("auto", read_definition(byte_level(tmp_path / "bpe")), []).name == "tokenizers"
    assert len(caplog.records) == 2
    assert len(children) == 2


def test_if_the_reference_ends_its_process_the_tokenizer_is_refused_in_one_line(tmp_path, children):
    folder = byte_level(tmp_path / "bpe")
    parsed = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    # Nested repeats: the regex engine tries every way to split a run of letters.
    endless = {"type": "Split", "pattern": {"Regex": r"(?:(?:a|a)+(?:a|a)+)+(?!a)b"}, "behavior": "Isolated", "invert": False}
    (folder / "tokenizer.json").write_text(json.dumps(parsed | {"pre_tokenizer": endless}), encoding="utf-8")
    output = run("tokenize", "run", documents_set(tmp_path / "documents", ["a"]), "--tokenizer", folder, "--out", tmp_path / "out", code=2)
    assert output.splitlines()[-1].startswith(f"error: {folder / 'tokenizer.json'}: the tokenizers library") and not (tmp_path / "out").exists()


def test_a_tokenizer_is_tried_once_and_again_with_another_version_of_a_library(tmp_path, monkeypatch, children):
    folder = byte_level(tmp_path / "bpe")
    for _ in range(2):
        choose_backend("auto", read_definition(folder), [])
    assert children == [["tokenizers", "gigatoken"]]
    monkeypatch.setattr(probe, "version", lambda name: "99" if name == "gigatoken" else "0")
    read_definition(folder)
    assert len(children) == 2


def test_workers_run_no_trials(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    documents = documents_set(tmp_path / "documents", prose(2, 60))
    run("tokenize", "count", documents, "--tokenizer", byte_level(tmp_path / "bpe"), "--out", tmp_path / "counts.json", "--workers", 2)
    cached = {path.name.partition(".")[2].partition("-")[0] for path in (tmp_path / "cache/cptkit/tokenizers").iterdir()}
    assert cached == {"tokenizers", "gigatoken"}


def test_a_read_only_or_corrupt_cache_only_repeats_the_trial(tmp_path, monkeypatch, children):
    definition = read_definition(byte_level(tmp_path / "bpe"))
    file = next((tmp_path / "cache/cptkit/tokenizers").glob("*.gigatoken-*"))
    file.write_bytes(b"\xff\xfe")
    assert problems(["gigatoken"], definition.json_text, definition.sha256) == {"gigatoken": None} and len(children) == 2
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for n_children in (3, 4):
        assert problems(["gigatoken"], definition.json_text, definition.sha256) == {"gigatoken": None} and len(children) == n_children


def test_a_failure_that_load_or_lack_of_memory_may_explain_is_not_cached(tmp_path, monkeypatch, children):
    definition = read_definition(byte_level(tmp_path / "bpe"))
    break_library("fastokens", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", tmp_path / "broken", monkeypatch)
    for n_children in (2, 3):
        problem = problems(["fastokens"], definition.json_text, definition.sha256)["fastokens"]
        assert problem == "ends the process (SIGKILL)" and len(children) == n_children

    def too_late(*_arguments, **_options):
        raise subprocess.TimeoutExpired("python", 1, output=b'["tokenizers", "fi')

    monkeypatch.setattr(subprocess, "run", too_late)
    for n_children in (4, 5):
        problem = problems(["fastokens"], definition.json_text, definition.sha256)["fastokens"]
        assert "does not finish within" in problem and len(children) == n_children


def test_a_library_that_is_not_installed_is_not_a_problem(children):
    assert problems(["no-such-library"], "{}", "0" * 64) == {"no-such-library": None} and children == []


def test_fastokens_comes_first_for_a_tokenizer_that_composes_characters(tmp_path):
    folder = byte_level(tmp_path / "nfc")
    parsed = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    (folder / "tokenizer.json").write_text(json.dumps(parsed | {"normalizer": {"type": "NFC"}}), encoding="utf-8")
    definition = read_definition(folder)
    chosen = choose_backend("auto", definition, [])
    assert chosen.name == "fastokens"
    marks = strings(["".join(map(chr, range(start, start + 64))) for start in range(0x300, 0x2000, 64)])
    assert differences(chosen.encode(marks), build("tokenizers", definition).encode(marks)) == []
