"""What each command promises about its output: other people's files stay, names that are taken are refused, one run at a time, a rerun works."""

import contextlib
import hashlib
import importlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.commands import MODULES
from tests.corpus import write_corpus
from tests.flow import MODEL, write_yaml

FOREIGN = {
    "README": "mine",
    "notes.txt": "mine",
    "data.arrow": "mine",
    ".lock": "mine",
    ".notes.123.tmp": "mine",
    "src/main.py": "mine",
    "src/manifest.json": '{"name": "an app"}',
    **{
        f"{folder}/{name}": "mine"
        for folder in (
            "documents",
            "held_out",
            "verdicts",
            "signals",
            "bands",
            "rejected",
            "rows",
            "rows/domain",
            "work",
            "work/index",
            "journal",
            "repeats-01",
        )
        for name in ("notes.txt", "data-0.arrow", ".x.arrow.tmp")
    },
}
"""Files of a project that take no name of ours, in folders that we use too."""

TAKEN = {
    name: '{"name": "an app", "kind": "app"}'
    for name in (
        *("manifest.json", "documents/manifest.json", "plan.json", "preview.json", "report.json", "timings.json", "run.json", "metrics.jsonl", "summary.json"),
        *("synthesis.json", "tokenizer.json", "tokenizer_config.json", "training.json", "tokenizer.model", "cptkit.json", "card.json", "log_ratio.npy"),
        *("model.bin", "config.json", "repeats-01/manifest.json", "model/config.json", "checkpoints/step-000002/config.json", "work/run.json"),
        *("suggestion.json", "fit.json"),
    )
}
"""Files that take a name which some command needs."""

FILES = {"report.html": "mine", "report.json": "{}", "figures.json": "{}", "card.md": "mine", "rules.yaml": "mine", "next.yaml": "mine", "runs.csv": "mine"}


def commands(home: Path) -> dict[str, list[str]]:
    """Every command that writes, without its --out."""
    documents, tokens, init = f"{home}/curate/documents", f"{home}/tokens", f"{home}/init"
    texts = f"{home}/raw/00.jsonl.gz"
    return {
        "curate run": ["curate", "run", f"{home}/curate.yaml"],
        "curate decide": ["curate", "decide", "--run", f"{home}/curate", "--rules", "gopher_quality"],
        "curate rehydrate": ["curate", "rehydrate", "--run", f"{home}/curate", "--min-documents", "1"],
        "curate synthesize": ["curate", "synthesize", f"{home}/synthesize.yaml"],
        "curate align": ["curate", "align", documents, documents, "--by", r"[^/]+$"],
        "curate fit-classifier": ["curate", "fit-classifier", "--positive", texts, "--negative", f"{home}/raw/01.jsonl.gz", "--set", "epochs=1"],
        "curate fit-importance": ["curate", "fit-importance", "--target", texts, "--raw", documents, "--set", "buckets=100"],
        "tokenize train": ["tokenize", "train", documents, "--vocab-size", "400"],
        "tokenize run": ["tokenize", "run", documents, "--tokenizer", f"{home}/tokenizer"],
        "tokenize export": ["tokenize", "export", tokens, "--to", "megatron"],
        "tokenize import": ["tokenize", "import", f"{home}/exported", "--from", "megatron"],
        "mix build": ["mix", "build", f"{home}/mix.yaml"],
        "mix extend": ["mix", "extend", f"{home}/mix", f"{home}/mix.yaml", "--at", "2"],
        "mix fit": ["mix", "fit", f"{home}/fit.yaml"],
        "mix suggest": ["mix", "suggest", f"{home}/suggest.yaml"],
        "train run": ["train", "run", f"{home}/train.yaml"],
        "train init": ["train", "init", f"{home}/model.yaml", "--tokenizer", f"{home}/tokenizer"],
        "train expand": ["train", "expand", init, "--blocks", "1"],
        "train merge": ["train", "merge", "--method", "linear", "--model", init, "--model", init],
        "evaluate run": ["evaluate", "run", f"{home}/evaluate.yaml"],
    }


CHANGES = {
    "curate run": ["--set", "dedup.exact=false", "--set", "dedup.minhash=null"],
    "curate decide": ["--set", "rules=[gopher_quality]"],
    "curate rehydrate": ["--max-repeats", "5"],
    "curate synthesize": ["--limit", "5"],
    "curate align": ["--language", "sw"],
    "curate fit-classifier": ["--set", "lr=0.1"],
    "curate fit-importance": ["--set", "ngrams=1"],
    "tokenize train": ["--vocab-size", "380"],
    "tokenize run": ["--no-eos"],
    "tokenize export": ["--to", "datatrove"],
    "tokenize import": ["--source", "other"],
    "mix build": ["--set", "row_tokens=64"],
    "mix extend": ["--at", "3"],
    "mix fit": ["--set", "losses=[law]"],
    "mix suggest": ["--set", "bounds.web=[0, 0.4]"],
    "evaluate run": ["--set", "context_tokens=64"],
}
"""What makes a second run into the same folder write everything anew. `train` refuses another run and goes on with its own."""


def file_commands(home: Path) -> dict[str, tuple[str, list[str]]]:
    """Commands whose --out is a file: its name, and the command."""
    return {
        "curate report": ("report.html", ["curate", "report", "--run", f"{home}/curate"]),
        "curate card": ("card.md", ["curate", "card", "--run", f"{home}/curate"]),
        "curate calibrate": ("rules.yaml", ["curate", "calibrate", "--reference", f"{home}/raw/00.jsonl.gz", "--words", "spacy:xx"]),
        "tokenize count": ("figures.json", ["tokenize", "count", f"{home}/curate/documents", "--tokenizer", f"{home}/tokenizer"]),
        "tokenize fertility": ("report.html", ["tokenize", "fertility", f"{home}/curate/documents", "--tokenizer", f"{home}/tokenizer"]),
        "mix reweight": ("next.yaml", ["mix", "reweight", f"{home}/mix.yaml", "--losses", f"{home}/losses.json", "--rule", "odm"]),
        "mix runs": ("runs.csv", ["mix", "runs", f"{home}/table.csv"]),
        "evaluate report": ("report.html", ["evaluate", "report", f"{home}/report.yaml"]),
    }


NAMES, FILE_NAMES = list(commands(Path())), list(file_commands(Path()))


def each(names: list[str], *slow: str) -> list[ParameterSet]:
    """Parameters of a test; those that take seconds are marked."""
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in slow)) for name in names]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inputs of every command, small."""
    home = tmp_path_factory.mktemp("home")
    write_corpus(home / "raw", 0, 60)
    dedup = {"exact": True, "minhash": {}, "before_rules": True}
    inputs = [{"path": f"{home}/raw", "source": "domain"}]
    write_yaml(
        home / "curate.yaml",
        {"name": "c", "inputs": inputs, "language": None, "rules": ["gopher_repetition"], "dedup": dedup, "held_out": {"share": 0.2}},
    )
    (home / "table.csv").write_text("run,share.domain,share.general,bits.domain\na,0.5,0.5,1\nb,0.25,0.75,2\n")
    write_yaml(home / "synthesize.yaml", {"inputs": f"{home}/curate", "task": "cloze"})
    write_yaml(home / "model.yaml", MODEL)
    stages = [{"name": "only", "tokens": 4000, "weights": {"domain": 1}}]
    write_yaml(home / "mix.yaml", {"name": "m", "row_tokens": 128, "sources": {"domain": {"tokens": f"{home}/tokens", "max_epochs": 10}}, "stages": stages})
    train = {"name": "t", "model": f"{home}/init", "mix": f"{home}/mix", "batch_rows": 4, "micro_batch_rows": 4, "optimizer": {"lr": 0.01}, "threads": 1}
    write_yaml(home / "train.yaml", train | {"steps": 3, "device": "cpu", "checkpoint": {"every_steps": 2, "keep_last": 1}})
    evaluate = {"name": "e", "models": {"base": f"{home}/init"}, "domains": {"domain": {"documents": f"{home}/curate/held_out", "role": "gain"}}}
    write_yaml(home / "evaluate.yaml", evaluate | {"baseline": "base", "context_tokens": 128, "device": "cpu"})
    write_yaml(home / "report.yaml", {"title": "R", "scores": f"{home}/scores", "out": f"{home}/report.html"})
    write_yaml(home / "suggest.yaml", {"fit": f"{home}/fit", "target": {"law": 1}})
    runs = [f"r{number},{number % 5 / 10},{1 - number % 5 / 10},{1.5 + number % 5 / 20 + number / 1000}" for number in range(9)]
    (home / "runs.csv").write_text("\n".join(["run,share.web,share.law,bits.law", *runs]))
    write_yaml(home / "fit.yaml", {"runs": [f"{home}/runs.csv"], "laws": ["exponential"], "n_resamples": 20})
    (home / "losses.json").write_text(json.dumps({"domain": 2.0}))
    steps = {
        "curate run": "curate",
        "tokenize train": "tokenizer",
        "tokenize run": "tokens",
        "tokenize export": "exported",
        "mix build": "mix",
        "train init": "init",
        "evaluate run": "scores",
    }
    assert call("mix", "fit", f"{home}/fit.yaml", "--out", home / "fit")[0] == 0
    for name, out in steps.items():
        code, output = call(*commands(home)[name], "--out", home / out)
        assert code == 0, output
    return home


def call(*arguments: object) -> tuple[int, str]:
    """Run a command in this process; returns its exit code and what it printed."""
    name, *rest = map(str, arguments)
    output, argv = io.StringIO(), sys.argv
    sys.argv = [name, *rest]
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            importlib.import_module(MODULES[name]).main()
    except SystemExit as end:
        return int(end.code or 0), output.getvalue()
    finally:
        sys.argv = argv
    return 0, output.getvalue()


def fill(folder: Path, files: dict[str, str]) -> dict[str, str]:
    """Write files; returns their checksums by name."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return checksums(folder, files)


def checksums(folder: Path, names: object) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() if (folder / name).is_file() else "gone" for name in names}  # type: ignore[attr-defined]


def errors(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("error:") or "Traceback" in line]


@pytest.mark.parametrize("name", NAMES)
def test_a_command_in_a_project_folder_leaves_its_files_alone_and_works_or_says_why_not(home: Path, tmp_path: Path, name: str) -> None:
    before = fill(tmp_path, FOREIGN)
    code, output = call(*commands(home)[name], "--out", tmp_path)
    assert checksums(tmp_path, FOREIGN) == before
    if name in ("tokenize export", "train init", "train expand", "train merge"):
        assert code == 2 and len(errors(output)) == 1 and "not empty" in output, output
    else:
        assert code == 0, output
    assert not list(tmp_path.rglob("*.cptkit.lock"))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_taken_is_refused_in_one_line_before_anything_is_written(home: Path, tmp_path: Path, name: str) -> None:
    before = fill(tmp_path, TAKEN)
    code, output = call(*commands(home)[name], "--out", tmp_path)
    assert checksums(tmp_path, TAKEN) == before
    assert code == 2 and len(errors(output)) == 1, output
    assert sorted(TAKEN) == sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", each([name for name in NAMES if not name.startswith("train ")], "tokenize train", "curate fit-classifier"))
def test_a_run_over_an_earlier_one_replaces_it_and_nothing_that_was_put_beside_it(home: Path, tmp_path: Path, name: str) -> None:
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    assert call(*commands(home)[name], "--out", out)[0] == 0
    folders = [".", *(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_dir())]
    mine = {f"{folder}/{file}": "mine" for folder in folders for file in ("notes.txt", "more.arrow", ".mine.tmp")}
    before = fill(out, mine)
    code, output = call(*commands(home)[name], *CHANGES[name], "--out", out)
    assert code == 0, output
    assert checksums(out, mine) == before
    assert call(*commands(home)[name], *CHANGES[name], "--out", fresh)[0] == 0
    ours = {path.relative_to(fresh).as_posix() for path in fresh.rglob("*") if path.is_file()}
    left = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} - {str(Path(one)) for one in mine}
    kept = ("work/", "journal/") if name in ("evaluate run", "curate synthesize") else ()  # scores and answers that a later run may need
    kept += ("rows/",) if name == "mix build" else ()
    assert {one for one in left if not one.startswith(kept)} == {one for one in ours if not one.startswith(kept)}


def test_a_training_run_deletes_only_checkpoints_of_its_own(home: Path, tmp_path: Path) -> None:
    before = fill(tmp_path, {"checkpoints/step-000001.txt": "mine", "checkpoints/best/config.json": "mine", "checkpoints/.step-x.tmp/a": "mine"})
    arguments = [*commands(home)["train run"], "--set", "checkpoint.every_steps=1", "--out", tmp_path]
    assert call(*arguments)[0] == 0
    assert sorted(path.name for path in (tmp_path / "checkpoints").glob("step-??????")) == ["step-000002"]
    before |= fill(tmp_path, {"model/notes.txt": "mine", "checkpoints/step-000002/notes.txt": "mine"})
    assert call(*arguments)[0] == 0 and checksums(tmp_path, before) == before


@pytest.mark.parametrize("name", each(FILE_NAMES, "curate report"))
def test_a_file_is_replaced_only_if_we_wrote_it(home: Path, tmp_path: Path, name: str) -> None:
    file, command = file_commands(home)[name]
    assert call(*command, "--out", tmp_path / file)[0] == 0
    first = (tmp_path / file).read_bytes()
    code, output = call(*command, "--out", tmp_path / file)
    assert code == 0 and len((tmp_path / file).read_bytes()) - len(first) in range(-200, 200), output
    other = tmp_path / "other"
    before = fill(other, FILES)
    code, output = call(*command, "--out", other / file)
    assert code == 2 and f"{other / file}: already exists" in output and len(errors(output)) == 1, output
    assert checksums(other, FILES) == before


@pytest.mark.slow
def test_a_page_does_not_replace_a_record_or_a_model_of_ours(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(home / "curate", out)
    shutil.copytree(home / "tokenizer", tmp_path / "tokenizer")
    before = checksums(tmp_path, ["out/report.json", "out/timings.json", "tokenizer/tokenizer.json"])
    commands = file_commands(home)
    for name, path in {
        "curate report": out / "report.json",
        "curate card": out / "timings.json",
        "tokenize count": tmp_path / "tokenizer" / "tokenizer.json",
        "tokenize fertility": out / "report.json",
    }.items():
        code, output = call(*commands[name][1], "--out", path)
        assert code == 2 and f"{path}: contains something else" in output and len(errors(output)) == 1, output
    assert checksums(tmp_path, before) == before


def test_a_report_and_a_card_do_not_replace_a_readme_that_somebody_put_into_the_run(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert call(*commands(home)["curate run"], "--out", out)[0] == 0
    before = fill(out, {"README.md": "mine", "report.html": "mine", "rehydration.json": "mine"})
    for command in ("card", "report", "rehydrate"):
        code, output = call("curate", command, "--run", out)
        assert code == 2 and "already exists" in output, output
    assert checksums(out, before) == before


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A folder that a command in another process is writing into, and the number of that process."""
    out = tmp_path_factory.mktemp("held") / "out"
    program = "import sys, time\nfrom pathlib import Path\nfrom shards.folder import output_folder\nsys.argv[0] = '/usr/bin/curate'\n"
    program += "with output_folder(Path(sys.argv[1])):\n print(1, flush=True)\n time.sleep(3600)"
    holder = subprocess.Popen([sys.executable, "-c", program, str(out)], stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline() == b"1\n"
    yield out, holder.pid
    holder.kill()
    holder.communicate()


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_another_process_writes_into_is_refused_with_who_it_is(home: Path, held: tuple[Path, int], name: str) -> None:
    out, pid = held
    code, output = call(*commands(home)[name], "--out", out)
    assert code == 2 and len(errors(output)) == 1, output
    assert f"{out}: another run is writing here: `curate {out}`, process {pid} on {os.uname().nodename}, since 2" in output
    assert [path.name for path in out.iterdir()] == [".cptkit.lock"]


@pytest.mark.parametrize("name", NAMES)
def test_an_output_that_cannot_be_a_folder_is_refused_in_one_line(home: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    code, output = call(*commands(home)[name], "--out", tmp_path / "file" / "out")
    assert code == 2 and len(errors(output)) == 1 and f"{tmp_path}/file/out" in output and "is a file" in output, output
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", NAMES)
def test_an_output_that_must_not_be_written_is_refused_in_one_line(home: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real, closed = os.mkdir, tmp_path / "closed"
    closed.mkdir()

    def mkdir(path: str, *rest: int) -> None:  # a mode would not keep the superuser out
        if closed in Path(path).parents:
            raise PermissionError(13, "Permission denied", str(path))
        real(path, *rest)

    monkeypatch.setattr(os, "mkdir", mkdir)
    code, output = call(*commands(home)[name], "--out", closed / "out")
    assert code == 2 and len(errors(output)) == 1 and f"{closed}/out: cannot be created (Permission denied)" in output, output
