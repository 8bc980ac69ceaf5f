"""The commands under trial: every one that writes, on inputs small enough that hundreds of trials fit in an hour."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.commands import MODULES, content, run
from tests.corpus import write_corpus
from tests.curate import corpus as web
from tests.curate.synthesize import sets
from tests.curate.synthesize.server import Server
from tests.flow import curate_recipe, evaluate_recipe, mix_recipe, train_recipe, up_to_mix, write_yaml

TIMES = ("work", "timings.json")
"""Not part of a result: stages that a rerun takes up, and what was measured by the clock."""
_SMALL_TASKS = "import curate.read.tasks as tasks; tasks.LEAST_TASK_BYTES = 30_000; "
"""So that a small corpus has several tasks. The command alone cuts, so its workers need not know."""


@dataclass(frozen=True)
class Subject:
    """One command: `arguments` go before `--out FOLDER`; `result` gives what must be the same, by name."""

    name: str
    arguments: tuple[object, ...]
    result: Callable[[Path], dict[str, str]]
    before: str = ""
    """Python to run first."""
    has_workers: bool = False
    n_lines: int = 1
    """Lines that it says on a signal."""

    def program(self) -> tuple[str, ...]:
        """Python's arguments, up to the output folder."""
        name, *rest = map(str, self.arguments)
        code = f"import sys; sys.argv[0] = {name!r}; {self.before}from {MODULES[name]} import main; main()"
        return "-c", code, *rest, "--quiet", "--out"


def all_but(*names: str) -> Callable[[Path], dict[str, str]]:
    """Checksums of all files but those in folders, or with names, that are given."""
    return lambda folder: content(folder, without=names)


def trained(folder: Path) -> dict[str, str]:
    """Models by checksum, and the curve without what depends on the clock."""
    models = content(folder, without=("run.json", "metrics.jsonl", "facts.json", "trainer_state"))
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    curve = [{key: value for key, value in record.items() if key != "tokens_per_second"} for record in records]
    return models | {"metrics.jsonl": hashlib.sha256(json.dumps(curve).encode()).hexdigest()}


def make_subjects(home: Path, server: Server) -> list[Subject]:
    """Write inputs and recipes into `home` and make what later commands need; `server` is asked by synthesis."""
    up_to_mix(home)
    mix, train = mix_recipe(home, 60_000), train_recipe(home, checkpoint={"every_steps": 4, "keep_last": 3}, log={"tensorboard": False})
    run("mix", "build", mix)
    run("train", train)
    documents, tokens, tokenizer = home / "curate" / "domain" / "documents", home / "tokens" / "domain", home / "tokenizer"
    run("tokenize", "export", tokens, "--to", "olmo", "--out", home / "exported")
    many = sets.write_documents(home / "many", sets.prose(240), rows_per_file=40)
    asked = sets.recipe(_made(home / "asked"), many, server.url, generator={"concurrency": 4})
    mined = write_yaml(home / "recipes" / "mined.yaml", {"inputs": str(many), "task": "cloze"})
    plain = curate_recipe(home, "plain", 3, n_documents=400)
    return [
        Subject("curate run", ("curate", "run", plain, "--workers", 2), all_but(*TIMES), _SMALL_TASKS, has_workers=True),
        Subject("curate run, pages", ("curate", "run", _pages(home), "--workers", 2), all_but(*TIMES), _SMALL_TASKS, has_workers=True),
        Subject("curate synthesize, rules", ("curate", "synthesize", mined, "--workers", 2), all_but(*TIMES), has_workers=True),
        Subject("curate synthesize, server", ("curate", "synthesize", asked, "--workers", 2), all_but(*TIMES, "journal"), has_workers=True),
        Subject("tokenize train", ("tokenize", "train", documents, "--vocab-size", 600), all_but()),
        Subject("tokenize run", ("tokenize", "run", many, "--tokenizer", tokenizer, "--workers", 2), all_but(*TIMES), has_workers=True),
        Subject("tokenize export", ("tokenize", "export", tokens, "--to", "olmo"), all_but()),
        Subject("tokenize import", ("tokenize", "import", home / "exported", "--from", "olmo"), all_but()),
        Subject("mix build", ("mix", "build", mix, "--workers", 2), all_but(*TIMES), has_workers=True),
        Subject("train", ("train", train), trained, n_lines=2),
        Subject("evaluate run", ("evaluate", "run", evaluate_recipe(home)), all_but(*TIMES)),
    ]


def _pages(home: Path) -> Path:
    """Archives of web pages, whose text is extracted in processes of their own, beside plain documents."""
    folder = _made(home / "raw" / "pages")
    for number in range(4):
        pages = [("response", f"http://site{seed % 7}.example/{seed}", web.html(web.document(seed))) for seed in range(number * 30, number * 30 + 30)]
        (folder / f"{number}.warc.gz").write_bytes(web.warc(pages))
    inputs = [
        {"path": str(folder), "source": "web", "extract": {"name": "trafilatura"}},
        {"path": str(write_corpus(home / "raw" / "beside", 5, 120)), "source": "beside"},
    ]
    recipe = {"name": "pages", "inputs": inputs, "language": None, "rules": ["gopher_repetition"], "dedup": {"exact": True, "minhash": {}}}
    return write_yaml(home / "recipes" / "curate-pages.yaml", recipe)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
