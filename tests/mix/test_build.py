import os
import signal
from pathlib import Path

import numpy as np
import pytest

from mix.build import build, preview
from mix.errors import MixError
from mix.order import rows_at
from mix.stream import open_mix
from shards.errors import CptkitError, ShardError
from shards.manifest import read_manifest, verify
from shards.stages import Stage


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def build_killed_at_rename(recipe, number: int) -> bool:
    """Build in a forked process that is killed at its `number`-th rename of a file; whether it was."""
    child = os.fork()
    if child == 0:
        renames, real = iter(range(1, number)), os.replace
        os.replace = lambda *names: real(*names) if next(renames, 0) else os.kill(os.getpid(), signal.SIGKILL)
        build(recipe)
        os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def test_workers_do_not_change_a_byte(tmp_path, two_sources):
    build(two_sources(out=tmp_path / "one"))
    build(two_sources(out=tmp_path / "two", workers=2))
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_a_build_killed_at_any_rename_is_finished_by_the_next_with_the_same_bytes(tmp_path, two_sources):
    build(two_sources(out=tmp_path / "straight"))
    number = 1
    while build_killed_at_rename(two_sources(out=tmp_path / f"killed{number}"), number):
        with pytest.raises(ShardError):
            open_mix(tmp_path / f"killed{number}")
        build(two_sources(out=tmp_path / f"killed{number}"))
        assert content(tmp_path / f"killed{number}") == content(tmp_path / "straight")
        number += 1
    # two files and two commits of tasks, blocks, plan, preview, and for each of three sets the record of its files (opened, full) and the manifest
    assert number == 1 + 16


def test_a_rebuild_killed_at_any_rename_leaves_the_old_mix_or_none(tmp_path, two_sources):
    old, _ = build(two_sources())
    number = 1
    while build_killed_at_rename(two_sources(row_tokens=32, seed=9), number):
        try:
            mix = open_mix(tmp_path / "out")
        except CptkitError:
            pass
        else:
            assert mix.plan_hash == old.hash and len(mix.rows(0, mix.n_rows).row_numbers) == old.n_rows
        number += 1
    assert open_mix(tmp_path / "out").row_tokens == 32


def test_a_build_resumed_after_each_of_many_kills_gives_the_same_bytes(tmp_path, two_sources):
    build(two_sources(out=tmp_path / "straight"))
    for number in (2, 4, 6, 3, 5):
        build_killed_at_rename(two_sources(out=tmp_path / "killed"), number)
    build(two_sources(out=tmp_path / "killed"))
    assert content(tmp_path / "killed") == content(tmp_path / "straight")


def test_changing_a_ratio_packs_nothing_again(two_sources, monkeypatch):
    first, _ = build(two_sources())
    monkeypatch.setattr(Stage, "commit", lambda *args, **options: pytest.fail("packed again"))
    second, _ = build(two_sources(stages=[{"name": "only", "tokens": 20_000, "weights": {"web": 1, "law": 1}}]))
    assert first.hash != second.hash and first.sources == second.sources


def test_rows_can_be_shared_between_mixes(tmp_path, two_sources, monkeypatch):
    alone, _ = build(two_sources(out=tmp_path / "alone"))
    build(two_sources(out=tmp_path / "first", rows=tmp_path / "shared"))
    monkeypatch.setattr(Stage, "commit", lambda *args, **options: pytest.fail("packed again"))
    recipe = two_sources(out=tmp_path / "second", rows=tmp_path / "shared")
    assert preview(recipe) == build(recipe)[1]
    assert content(tmp_path / "second") == content(tmp_path / "first") == content(tmp_path / "alone")
    assert open_mix(tmp_path / "second").plan_hash == alone.hash


def test_every_order_gives_every_row_once_an_epoch_and_reads_as_it_was_planned(tmp_path, two_sources, tokens):
    orders = {pacing: {"by": "n_tokens", "pacing": pacing, "groups": 4} for pacing in ("sorted", "groups", "quadratic", "interleaved")}
    folder = tokens("texts", [1 + number % 64 for number in range(400)])
    sources = {name: {"tokens": folder, "max_epochs": 3, "order": order} for name, order in orders.items()}
    build(two_sources(sources=sources, packing="concat", stages=[{"amounts": dict.fromkeys(sources, "2 epochs")}]))
    mix = open_mix(tmp_path / "out")
    refs = rows_at(mix.plan, 0, mix.n_rows)
    for number, source in enumerate(mix.plan.sources):
        rows = refs.row[refs.source == number]
        n = source.n_rows
        assert (np.sort(rows[:n]) == np.arange(n)).all() and (np.sort(rows[n : 2 * n]) == np.arange(n)).all()
    first = refs.row[refs.source == 0]
    assert (first == np.arange(len(first)) % mix.plan.sources[0].n_rows).all()
    assert mix.rows(0, mix.n_rows).n_tokens.sum() == mix.plan.n_tokens


def test_curves_passes_and_history_reach_plan_and_preview(tmp_path, two_sources):
    weights = {"web": 1, "law": {"from": 0.1, "to": 1, "curve": "cosine"}}
    stages = [{"name": "bend", "tokens": "10K", "weights": weights, "passes": 2}, {"name": "end", "tokens": 5000, "weights": {"web": 1}}]
    plan, shown = build(two_sources(stages=stages, history=[{"rule": "by hand"}]))
    assert [stage.name for stage in plan.stages] == ["bend 1/2", "bend 2/2", "end"] and plan.history == ({"rule": "by hand"},)
    assert plan.stages[0].begin == pytest.approx((1 / 1.1, 0.1 / 1.1)) and plan.stages[1].end == pytest.approx((0.5, 0.5))
    assert [stage["curve_error"] > 0 for stage in shown["stages"]] == [True, True, False]
    assert sum(stage["tokens"] for stage in shown["stages"]) == plan.n_tokens == pytest.approx(25_000, abs=64)
    assert open_mix(tmp_path / "out").plan == plan and open_mix(tmp_path / "out").plan.history == plan.history


def test_scores_that_are_never_reached_are_logged(two_sources, tokens, caplog):
    def warned(**order):
        sources = {"web": {"tokens": tokens("w", [64] * 100), "order": {"by": "n_tokens", "pacing": "groups"} | order}}
        caplog.clear()
        preview(two_sources(sources=sources, stages=[{"tokens": 1600, "weights": {"web": 1}}]))
        return "web is used for 0.25 epochs, but its order covers 1, so it never reaches its last scores" in caplog.text

    assert warned() and not warned(part=0.25) and not warned(pacing="interleaved")


def test_a_source_with_too_few_tokens_is_refused_or_spilled_as_the_recipe_says(two_sources):
    stages = [{"tokens": "60K", "weights": {"web": 0.2, "law": 0.8}}]
    with pytest.raises(MixError, match="or set cap to spill"):
        preview(two_sources(stages=stages))
    shown = preview(two_sources(stages=stages, cap="spill"))
    law = next(source for source in shown["sources"] if source["name"] == "law")
    assert law["epochs"] == pytest.approx(3, abs=0.01) and shown["tokens"] == pytest.approx(60_000, abs=64)


def test_the_manifest_states_what_a_trainer_needs_and_where_the_rows_came_from(tmp_path, two_sources):
    plan, _ = build(two_sources())
    manifest = read_manifest(tmp_path / "out")
    assert manifest.kind == "mix" and not verify(tmp_path / "out")
    assert [(parent.label, parent.manifest_hash) for parent in manifest.parents] == [
        (name, read_manifest(tmp_path / "out" / "rows" / name).hash) for name in ("web", "law")
    ]
    assert manifest.info == {
        "plan_hash": plan.hash,
        "n_rows": plan.n_rows,
        "n_tokens": plan.n_tokens,
        "row_tokens": 64,
        "sources": ["web", "law"],
        "tokenizer_sha256": "5" * 64,
        "n_vocab": 60_000,
        "eos_id": 0,
        "pad_id": 1,
        "id_bytes": 2,
    }
    assert str(tmp_path) not in (tmp_path / "out" / "manifest.json").read_text()


def test_the_seed_changes_the_order_and_no_count(tmp_path, two_sources):
    first, second = build(two_sources(out=tmp_path / "a")), build(two_sources(out=tmp_path / "b", seed=4))
    assert first[0].hash != second[0].hash
    assert abs(first[0].n_tokens - second[0].n_tokens) < 64


def test_a_source_too_small_is_refused_before_anything_is_written(tmp_path, two_sources):
    with pytest.raises(MixError, match=r"source law blocks this mix: 80.00% of 1,000,000 tokens is 800,000, but it holds .* × max_epochs 3 = "):
        build(two_sources(stages=[{"tokens": "1M", "weights": {"web": 0.2, "law": 0.8}}]))
    assert not (tmp_path / "out").exists()


def test_an_empty_source_without_a_weight_is_accepted(tmp_path, two_sources, tokens):
    recipe = two_sources(
        sources={"web": {"tokens": tokens("w", [64] * 100)}, "none": {"tokens": tokens("n", [])}}, stages=[{"tokens": 6400, "weights": {"web": 1}}]
    )
    plan, shown = build(recipe)
    assert plan.n_rows == 100 and shown["sources"][1]["available_tokens"] == 0
    assert open_mix(tmp_path / "out").rows(0, 100).n_tokens.tolist() == [64] * 100


def test_a_source_of_one_row_is_repeated_up_to_its_cap(two_sources, tokens):
    sources = {"web": {"tokens": tokens("w", [64] * 100)}, "tiny": {"tokens": tokens("t", [5]), "max_epochs": 4}}
    _, shown = build(two_sources(sources=sources, stages=[{"tokens": 6400, "weights": {"web": 6380, "tiny": 20}}]))
    assert shown["sources"][1]["rows"] == shown["sources"][1]["repeats"] == 4
