"""The commands under trial: every one that writes, on inputs small enough that hundreds of trials fit in an hour."""

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
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


class Inputs:
    """What the commands need, in `home`; made when it is first asked for. `server` is asked by synthesis."""

    def __init__(self, home: Path, server: Server) -> None:
        self.home, self.server = home, server

    @cached_property
    def tokens(self) -> Path:
        """A tokens set; documents, a tokenizer and an untrained model come with it."""
        up_to_mix(self.home)
        return self.home / "tokens" / "domain"

    @cached_property
    def tokenizer(self) -> Path:
        """A tokenizer."""
        return self.tokens.parents[1] / "tokenizer"

    @cached_property
    def documents(self) -> Path:
        """What `curate run` wrote."""
        return self.tokens.parents[1] / "curate" / "domain" / "documents"

    @cached_property
    def exported(self) -> Path:
        """An export of the tokens."""
        run("tokenize", "export", self.tokens, "--to", "olmo", "--out", self.home / "exported")
        return self.home / "exported"

    @cached_property
    def mix(self) -> Path:
        """The recipe of a mix of the tokens."""
        return mix_recipe(self.tokens.parents[1], 60_000)

    @cached_property
    def training(self) -> Path:
        """The recipe of a run on that mix."""
        run("mix", "build", self.mix)
        return train_recipe(self.home, checkpoint={"every_steps": 4, "keep_last": 3}, log={"tensorboard": False})

    @cached_property
    def evaluation(self) -> Path:
        """The recipe that scores the models before and after that run."""
        run("train", self.training)
        return evaluate_recipe(self.home)

    @cached_property
    def many(self) -> Path:
        """Documents in several files."""
        return sets.write_documents(self.home / "many", sets.prose(240), rows_per_file=40)

    @cached_property
    def asked(self) -> Path:
        """A recipe of synthesis by a model."""
        return sets.recipe(_made(self.home / "asked"), self.many, self.server.url, generator={"concurrency": 4})

    @cached_property
    def mined(self) -> Path:
        """A recipe of synthesis by rules."""
        return write_yaml(self.home / "recipes" / "mined.yaml", {"inputs": str(self.many), "task": "cloze"})


def make_subjects(home: Path, server: Server, names: Collection[str] = ()) -> list[Subject]:
    """All commands, or those of `names`, with their inputs in `home`."""
    made = Inputs(home, server)
    makers: dict[str, Callable[[str], Subject]] = {
        "curate run": lambda name: Subject(
            name, ("curate", "run", curate_recipe(home, "plain", 3, n_documents=400), "--workers", 2), all_but(*TIMES), _SMALL_TASKS, has_workers=True
        ),
        "curate run, pages": lambda name: Subject(name, ("curate", "run", _pages(home), "--workers", 2), all_but(*TIMES), _SMALL_TASKS, has_workers=True),
        "curate synthesize, rules": lambda name: Subject(name, ("curate", "synthesize", made.mined, "--workers", 2), all_but(*TIMES), has_workers=True),
        "curate synthesize, server": lambda name: Subject(
            name, ("curate", "synthesize", made.asked, "--workers", 2), all_but(*TIMES, "journal"), has_workers=True
        ),
        "tokenize train": lambda name: Subject(name, ("tokenize", "train", made.documents, "--vocab-size", 600), all_but()),
        "tokenize run": lambda name: Subject(
            name, ("tokenize", "run", made.many, "--tokenizer", made.tokenizer, "--workers", 2), all_but(*TIMES), has_workers=True
        ),
        "tokenize export": lambda name: Subject(name, ("tokenize", "export", made.tokens, "--to", "olmo"), all_but()),
        "tokenize import": lambda name: Subject(name, ("tokenize", "import", made.exported, "--from", "olmo"), all_but()),
        "mix build": lambda name: Subject(name, ("mix", "build", made.mix, "--workers", 2), all_but(*TIMES), has_workers=True),
        "train": lambda name: Subject(name, ("train", made.training), trained, n_lines=2),
        "evaluate run": lambda name: Subject(name, ("evaluate", "run", made.evaluation), all_but(*TIMES)),
    }
    unknown = set(names) - makers.keys()
    if unknown:
        raise ValueError(f"no command {', '.join(sorted(unknown))}; there are {', '.join(makers)}")
    return [maker(name) for name, maker in makers.items() if not names or name in names]


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
