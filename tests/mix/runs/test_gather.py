"""Gathering from what `train`, `evaluate run` and `mix proxies` really write."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from eval.recipe import EvaluateRecipe
from eval.run import run as evaluate
from mix.errors import MixError
from mix.laws import areas
from mix.plan import read_plan
from mix.runs.evidence import evidence_of
from mix.runs.gather import gather, gather_all
from mix.runs.proxy import Proxy, write_proxy
from mix.runs.trained import planned_shares
from mix.runs.write import csv_bytes, write_runs
from mix.sources import TokenSource
from shards.read import ShardSet
from shards.schemas import DOCUMENTS
from shards.write import write_set
from tests.train.parts import tiny_network, write_mix, write_tokenizer
from tests.train.runs import go

STEPS = 7
DOMAINS = ("even", "odd")


def write_documents(folder: Path, parity: int) -> Path:
    texts = [" ".join(f"w{2 + parity + 2 * ((3 * word + first) % 40)}" for word in range(40)) for first in range(4)]
    rows = [{"id": bytes([number, parity] * 8), "text": text} for number, text in enumerate(texts)]
    write_set(folder, "documents", DOCUMENTS, pa.Table.from_pylist(rows, schema=DOCUMENTS).to_batches())
    return folder


def train(home: Path, name: str, mix: str, **changes) -> Path:
    recipe = {
        "name": "tiny",
        "model": str(home / "base"),
        "mix": str(home / "mixes" / mix / "mix"),
        "out": str(home / "runs" / name / "train"),
        "batch_rows": 8,
        "micro_batch_rows": 4,
        "threads": 1,
        "optimizer": {"lr": 0.01},
        "schedule": {"warmup_steps": 2},
        "checkpoint": {"every_steps": None},
        "log": {"tensorboard": False},
        "evaluate": {"every_steps": 3, "at_start": True, "domains": {"even": str(home / "held_out" / "even")}},
    }
    path = home / f"{name}.yaml"
    path.write_text(yaml.safe_dump(recipe | changes))
    go(path)
    return home / "runs" / name / "train"


def score(home: Path, models: dict[str, Path], out: str = "scores") -> None:
    domains = {name: {"documents": str(home / "held_out" / name), "role": "gain"} for name in DOMAINS}
    fields = {"name": "t", "models": {"base model": home / "base"} | models, "baseline": "base model", "domains": domains, "out": home / out}
    evaluate(EvaluateRecipe.model_validate(fields | {"context_tokens": 48, "n_resamples": 100, "threads": 1}))


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A base model, three mixes, three runs (a and b are repeats with other seeds), and their evaluation under other names."""
    home = tmp_path_factory.mktemp("home")
    tiny_network().save_pretrained(home / "base")
    write_tokenizer(home / "base")
    tokenizer = hashlib.sha256((home / "base" / "tokenizer.json").read_bytes()).hexdigest()
    for name, share, seed in (("most", 0.75, 0), ("again", 0.75, 1), ("half", 0.5, 0)):
        stage = {"name": "only", "tokens": 2_270, "weights": {"even": share, "odd": 1 - share}}
        write_mix(home / "mixes" / name, tokenizer, stages=[stage], seed=seed)
    for parity, name in enumerate(DOMAINS):
        write_documents(home / "held_out" / name, parity)
    runs = {name: train(home, name, mix, seed=seed) for name, mix, seed in (("a", "most", 0), ("b", "again", 0), ("c", "half", 0))}
    score(home, {f"model {name}": folder / "model" for name, folder in runs.items()})
    return home


@pytest.fixture
def copied(home, tmp_path):
    """A copy of the outputs that a test may change."""
    shutil.copytree(home, tmp_path / "home")
    return tmp_path / "home"


def test_each_run_has_its_scores_whatever_the_model_was_called(home):
    runs, _ = gather([home])
    scores = json.loads((home / "scores" / "summary.json").read_text())["scores"]
    names = {"base model": "base", "model a": "runs/a", "model b": "runs/b", "model c": "runs/c"}
    wanted = {(names[row["model"]], row["domain"]): row["bits_per_byte"] for row in scores}
    last = runs.last_steps()
    assert sorted(last.run) == ["base", "runs/a", "runs/b", "runs/c"] and runs.units == ("bits per byte",) * len(runs.domains)
    for row, name in enumerate(last.run):
        for domain in DOMAINS:
            assert last.losses[row, last.domains.index(domain)] == wanted[name, domain]
    assert dict(zip(last.run, last.kind, strict=True))["base"] == "base"


def given(home: Path, mix: str, step: float) -> np.ndarray:
    """Real tokens of the two sources in the first steps of a run."""
    return read_plan(ShardSet(home / "mixes" / mix / "mix", "mix")).schedule.state(8 * int(step)).given


def test_repeats_have_the_shares_that_were_asked_for(home):
    runs, _ = gather([home])
    assert runs.sources == ("even", "odd")
    asked = {"runs/a": [0.75, 0.25], "runs/b": [0.75, 0.25], "runs/c": [0.5, 0.5]}
    for name, step, shares in zip(runs.run, runs.number("step"), runs.shares, strict=True):
        if name != "base" and step > 3:
            assert shares == pytest.approx(asked[name], abs=1e-12)


def test_tokens_are_the_real_ones_trained_on(home):
    runs, _ = gather([home])
    for row, name in enumerate(runs.run):
        if name != "base":
            plan = read_plan(ShardSet(home / "mixes" / {"runs/a": "most", "runs/b": "again", "runs/c": "half"}[name] / "mix", "mix"))
            assert runs.number("tokens")[row] == plan.schedule.state(min(8 * int(runs.number("step")[row]), plan.n_rows)).given.sum()


def test_shares_that_miss_what_was_asked_for_by_more_than_rounding_are_those_realised(home):
    plan = read_plan(ShardSet(home / "mixes" / "most" / "mix", "mix"))
    early = plan.schedule.state(3).given  # three rows cannot be 75% of one source
    assert planned_shares(plan, int(early.sum())) == pytest.approx(early / early.sum(), rel=1e-12)
    other = dataclasses.replace(plan, pieces=tuple(dataclasses.replace(piece, begin=(0.6, 0.4), end=(0.6, 0.4)) for piece in plan.pieces))
    assert planned_shares(plan, plan.n_tokens) == pytest.approx([0.75, 0.25], abs=1e-12)
    assert planned_shares(other, other.n_tokens) == pytest.approx([0.6, 0.4], abs=1e-12)


def test_rows_know_model_seed_tokenizer_and_learning_rate(home):
    runs, _ = gather([home], pretraining_tokens=5e9)
    lines = [json.loads(line) for line in (home / "runs" / "a" / "train" / "metrics.jsonl").read_text().splitlines()]
    forward, annealing = areas.of_rates([line["lr"] for line in lines])
    row = max((row for row, name in enumerate(runs.run) if name == "runs/a"), key=lambda row: runs.number("step")[row])
    assert runs.number("step")[row] == STEPS
    assert runs.number("lr.peak")[row] == 0.01
    assert runs.number("lr.forward_area")[row] == forward[-1] and runs.number("lr.annealing_area")[row] == annealing[-1]
    assert runs.number("pretraining_tokens")[row] == 5e9
    assert set(runs.number("n_parameters")) == {sum(weight.numel() for weight in tiny_network().parameters())}
    seeds = dict(zip(runs.run, runs.number("seed").tolist(), strict=True))
    assert (seeds["runs/a"], seeds["runs/b"], seeds["runs/c"]) == (0, 1000, 0)  # the mix of b has seed 1, all were trained with seed 0
    assert set(runs.tokenizer) - {""} == {hashlib.sha256((home / "base" / "tokenizer.json").read_bytes()).hexdigest()}


def test_contents_are_those_of_the_mix_s_token_sets(home):
    runs, _ = gather([home])
    contents = {name: TokenSource(name, [home / "mixes" / "most" / name]).content for name in DOMAINS}
    for column, source in enumerate(runs.sources):
        assert set(runs.contents[~runs.is_base, column]) == {contents[source]}


def test_losses_in_training_have_rows_of_their_steps(home):
    runs, notes = gather([home])
    lines = [json.loads(line) for line in (home / "runs" / "c" / "train" / "metrics.jsonl").read_text().splitlines()]
    column = "even" if "even (in training)" not in runs.domains else "even (in training)"
    assert (column == "even") == (not any("in training" in note for note in notes))
    of_run = {runs.number("step")[row]: runs.losses[row, runs.domains.index(column)] for row, name in enumerate(runs.run) if name == "runs/c"}
    assert of_run[3] == lines[2]["bits_per_byte"]["even"]
    assert list(of_run) == [3, 6, STEPS]


def test_repeated_runs_tell_the_noise(home):
    evidence = evidence_of(gather([home])[0], "odd")
    assert len(evidence) == 3 and evidence.noise_freedom == 1 and evidence.noise > 0
    assert evidence.base is not None and evidence.source is not None


def test_gathering_twice_gives_the_same_bytes_and_the_folder_s_place_does_not_matter(home, copied):
    assert csv_bytes(gather([home])[0]) == csv_bytes(gather([home])[0]) == csv_bytes(gather([copied])[0])


def test_another_measurement_in_training_is_another_domain(copied):
    path = copied / "runs" / "a" / "train" / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[-1]["bits_per_byte"]["even"] *= 1.01
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    runs, notes = gather([copied])
    assert "even (in training)" in runs.domains and any("other documents or contexts" in note for note in notes)


def test_without_the_mix_shares_are_those_of_targets_and_told(copied):
    shutil.rmtree(copied / "mixes")
    runs, notes = gather([copied])
    assert "3 runs whose mix is not in these folders: runs/a, runs/b, runs/c; their shares are those of targets" in notes[0]
    row = [name for name in runs.run].index("runs/c")
    assert runs.shares[row, runs.sources.index("even")] == pytest.approx(0.5, abs=0.1)
    assert (runs.contents == "").all()


def test_what_cannot_be_used_is_left_out_and_told(copied):
    record = json.loads((copied / "runs" / "a" / "train" / "run.json").read_text())
    (copied / "runs" / "a" / "train" / "run.json").write_text(json.dumps(record | {"finished": False}))  # breaks its checksum
    shutil.rmtree(copied / "runs" / "b")
    runs, notes = gather([copied])
    assert set(runs.run) == {"base", "runs/c"}
    assert any("run.json: damaged or edited by hand" in note for note in notes)
    assert any(note.startswith("2 models of evaluations without a run of training left out: model a") for note in notes)


def test_seeds_that_changed_nothing_are_no_repeats(copied):
    train(copied, "d", "half", seed=7)
    runs, notes = gather([copied])
    assert any(note.startswith("runs runs/c, runs/d: their seeds changed nothing") for note in notes)
    assert (
        evidence_of(runs, "odd").noise_freedom
        == 1
        == evidence_of(gather([copied / "mixes", copied / "runs" / "a", copied / "runs" / "b", copied / "scores"])[0], "odd").noise_freedom
    )


def test_folders_without_runs_are_refused(tmp_path, home):
    with pytest.raises(MixError, match=r"nowhere: no such folder; give folders with outputs of `train` and `evaluate run`"):
        gather([tmp_path / "nowhere"])
    with pytest.raises(MixError, match="no finished run of `train`; nothing was found"):
        gather([tmp_path])
    with pytest.raises(MixError, match=r"no finished run of `train`; 3 models of evaluations without a run"):
        gather([home / "scores"])


def test_the_run_of_the_base_model_is_no_run_and_tells_its_own_training(copied):
    second = train(copied, "second", "half", model=str(copied / "runs" / "c" / "train" / "model"))
    shutil.rmtree(copied / "runs" / "a")
    shutil.rmtree(copied / "runs" / "b")
    shutil.rmtree(copied / "scores")
    score(copied, {"second": second / "model"})
    runs, _ = gather([copied])
    assert set(runs.run) == {"base", "runs/second"}
    first = gather([copied / "runs" / "c"])[0]
    row = runs.run.index("runs/second")
    assert runs.number("pretraining_tokens")[row] == first.last_steps().number("tokens")[-1]
    assert runs.number("lr.pretraining_forward_area")[row] == first.last_steps().number("lr.forward_area")[-1]


def test_runs_of_two_folders_with_one_name_are_told_apart_and_no_folder_counts_twice(home, copied):
    (copied / "runs").rename(copied / "more")
    shutil.rmtree(copied / "more" / "c")
    runs, _ = gather([home / "runs", copied / "more", home / "mixes", home / "scores", home / "runs" / "a"])
    assert set(runs.run) == {"base", "runs/a", "runs/b", "c", "more/a", "more/b"}
    (copied / "more").rename(copied / "runs")
    runs, _ = gather([home / "runs", copied / "runs", home / "mixes", home / "scores"])
    assert set(runs.run) == {"base", "c", *(f"{folder / 'runs'}/{name}" for folder in (home, copied) for name in "ab")}


def proxy(name: str, kind: str, shares: dict[str, float]) -> Proxy:
    return Proxy(name=name, kind=kind, shares=shares, tokens=1000, seed=3, lr=None, contents={source: "a" * 32 for source in shares}, tokenizer="t")


def test_proxies_tell_kind_and_name_and_merged_experts_have_rows(copied):
    write_proxy(copied / "runs" / "c", proxy("half-and-half", "confirmation", {"even": 0.5, "odd": 0.5}))
    merged = copied / "runs" / "m"
    tiny_network(seed=5).save_pretrained(merged / "model")
    write_tokenizer(merged / "model")
    write_proxy(merged, proxy("m", "merged", {"even": 0.25, "odd": 0.75}))
    score(copied, {"m": merged / "model"}, out="runs/m/scores")
    runs, notes = gather([copied])
    kinds = dict(zip(runs.run, runs.kind, strict=True))
    assert kinds == {"base": "base", "runs/a": "trained", "runs/b": "trained", "half-and-half": "confirmation", "m": "merged"}
    row = runs.run.index("m")
    assert dict(zip(runs.sources, runs.shares[row], strict=True)) == {"even": 0.25, "odd": 0.75}
    assert runs.number("tokens")[row] == 1000 and runs.number("seed")[row] == 3 and (runs.contents[row] == "a" * 32).all()
    assert not any("left out" in note for note in notes)


def test_tables_and_folders_are_joined(copied, tmp_path):
    runs, _ = gather([copied / "runs", copied / "mixes", copied / "scores"])
    write_runs(tmp_path / "all.csv", runs)
    again, notes = gather_all([tmp_path / "all.csv"])
    assert csv_bytes(again) == csv_bytes(runs) and len(notes) == 1 and "taken as unknown: even (5), odd (5)" in notes[0]
    shutil.rmtree(copied / "runs" / "a")
    both, notes = gather_all([tmp_path / "all.csv", copied / "runs", copied / "mixes", copied / "scores"])
    assert set(both.run) == set(runs.run) and np.isfinite(both.losses).sum() == np.isfinite(runs.losses).sum()
    assert any("duplicate rows dropped" in note for note in notes)
