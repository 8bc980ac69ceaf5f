"""Damaged and odd tokenizers: one line or the ids of Hugging Face tokenizers, never a crash, never a hang."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sentencepiece import SentencePieceTrainer
from tokenizers import Tokenizer, models, pre_tokenizers

from shards import console
from shards.manifest import read_manifest
from tests.hostile.tokenizers import mutations
from tests.tokenize_tools.samples import ODD, byte_fallback, byte_level, documents_set, prose, save
from tokenize_tools import probe
from tokenize_tools.cli import app
from tokenize_tools.probed import attempt

TEXTS = [*ODD[:6], "a" * 300, *prose(5, 3)]
_PROBE_SECONDS = 2
_MOST_SECONDS = 60


def bases(folder: Path) -> dict[str, bytes]:
    """Sound tokenizers of every kind of model, and a SentencePiece model."""
    letters = sorted(set("".join(TEXTS)))
    unigram = Tokenizer(models.Unigram([("<unk>", -9.0), ("</s>", 0.0), *((letter, -2.0) for letter in letters)], unk_id=0))
    words = Tokenizer(models.WordLevel({word: number for number, word in enumerate(["<unk>", *letters, "the"])}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    pieces = Tokenizer(
        models.WordPiece({piece: number for number, piece in enumerate(["<unk>", *letters, *(f"##{one}" for one in letters)])}, unk_token="<unk>")
    )
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    for tokenizer in (unigram, words, pieces):
        tokenizer.add_special_tokens(["</s>"])
    folders = [byte_level(folder / "bpe", "<extra>"), byte_fallback(folder / "llama")]
    folders += [save(folder / name, one) for name, one in (("unigram", unigram), ("words", words), ("pieces", pieces))]
    model = folder / "spm"
    options = {"vocab_size": 400, "model_type": "bpe", "byte_fallback": True, "minloglevel": 5}
    SentencePieceTrainer.train(sentence_iterator=iter(prose(1, 20)), model_prefix=str(model), **options)
    return {f"{one.name}.json": (one / "tokenizer.json").read_bytes() for one in folders} | {"spm": model.with_suffix(".model").read_bytes()}


def drive(folder: Path, seed: int, n: int) -> None:
    """In a process of its own, which a fault would end: the command on every hostile folder, in a fork; a line of JSON about each."""
    import fastokens  # noqa: F401  once here, not in every fork
    import gigatoken  # noqa: F401

    import tokenize_tools.run  # noqa: F401

    sound = {path.name: path.read_bytes() for path in (folder / "bases").iterdir()}
    for index, hostile in enumerate(mutations(sound, seed, n)):
        place = folder / f"{index}"
        (place / "tokenizer").mkdir(parents=True)
        for name, content in hostile.files.items():
            (place / "tokenizer" / name).write_bytes(content)
        pid = os.fork()
        if not pid:
            _command(folder, place)
        _, status = os.waitpid(pid, 0)
        told = (place / "told").read_text(encoding="utf-8", errors="replace")
        print(json.dumps([index, hostile.fault, hostile.is_model, os.waitstatus_to_exitcode(status), told]), flush=True)


def _command(folder: Path, place: Path) -> None:
    """`tokenize run` as from the shell, in this process; with a set written, its ids against those of the library on the file as it is."""
    signal.alarm(_MOST_SECONDS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    probe._in_child = _in_fork  # as in the child that it starts, without the start
    told = os.open(place / "told", os.O_WRONLY | os.O_CREAT)
    os.dup2(told, 1)
    os.dup2(told, 2)
    sys.argv = ["tokenize", "run", str(folder / "documents"), "--tokenizer", str(place / "tokenizer"), "--out", str(place / "out"), "--no-eos", "--quiet"]
    code: Any = 99
    try:
        console.main(app)
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if code else _compare(place))


def _compare(place: Path) -> int:
    """0 if the ids are the library's, 98 if not. A file that the library itself does not load as it is has no right ids."""
    try:
        reference = Tokenizer.from_file(str(place / "tokenizer" / "tokenizer.json"))
    except Exception:
        return 0
    reference.no_truncation()
    reference.no_padding()
    reference.encode_special_tokens = True
    batches = (batch for file in read_manifest(place / "out").files for batch in pa.ipc.open_file(place / "out" / file.name).read_all().to_batches())
    written = [ids for batch in batches for ids in batch.column("tokens").to_pylist()]
    return 0 if written == [reference.encode(text, add_special_tokens=False).ids for text in TEXTS] else 98


def _in_fork(names: list[str], json_text: str) -> tuple[dict[str, str | None], tuple[str, bool]]:
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        attempt(names, json_text, _PROBE_SECONDS, os.fdopen(writing, "w"))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answers:
        lines = answers.read().splitlines()
    _, status = os.waitpid(pid, 0)
    return dict(map(json.loads, lines)), probe._end_in_words(os.waitstatus_to_exitcode(status), b"")


def check(folder: Path, seed: int, n: int) -> None:
    documents_set(folder / "documents", TEXTS)
    (folder / "bases").mkdir()
    for name, content in bases(folder / "made").items():
        (folder / "bases" / name).write_bytes(content)
    code = f"from pathlib import Path; from tests.hostile.test_tokenizers import drive; drive(Path({str(folder)!r}), {seed}, {n})"
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "RAYON_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=n * _MOST_SECONDS)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == n, (done.returncode, done.stderr)
    for index, fault, is_model, ended, told in results:
        case = f"seed {seed}, tokenizer {index}, {fault}: exit code {ended}\n{told[-2000:]}"
        assert ended in (0, 2), case
        errors = [line for line in told.splitlines() if line.startswith("error: ")]
        assert len(errors) == (ended == 2) and "Traceback" not in told, case
        assert ended == 0 or told.splitlines()[-1] == errors[0], case
        assert not is_model or "holds a SentencePiece model" in told, case
    assert {ended for _, _, _, ended, _ in results} == {0, 2}


def test_sixty_hostile_tokenizers_give_one_line_or_the_ids_of_the_library(tmp_path: Path) -> None:
    check(tmp_path, 1, 60)


@pytest.mark.slow
def test_two_thousand_hostile_tokenizers_give_one_line_or_the_ids_of_the_library(tmp_path: Path) -> None:
    check(tmp_path, 2, 2000)


def test_a_seed_gives_the_same_tokenizers(tmp_path: Path) -> None:
    made = bases(tmp_path)
    assert list(mutations(made, 3, 24)) == list(mutations(made, 3, 24)) != list(mutations(made, 4, 24))
