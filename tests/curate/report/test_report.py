import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from curate.report.histograms import N_BINS, count_values, edges
from curate.report.hosts import Hosts
from curate.report.partial import N_EXAMPLES
from curate.rules.ruleset import Rule, RuleSet
from shards.read import ShardSet
from shards.recipe import load_recipe
from tests.curate.corpus import document, jsonl, recipe


def curated(tmp_path: Path, name: str, **changes: object) -> dict:
    (tmp_path / "recipe.yaml").write_text(recipe(tmp_path / "in", **changes))
    return run(load_recipe(tmp_path / "recipe.yaml", CurateRecipe), tmp_path / name, 1).report


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for number in range(4):
        texts = [document(100 * number + index) for index in range(20)] + [document(5), "Too short.", None]
        records = [{"text": text, "url": f"https://host{index % 7}.example/{index}"} for index, text in enumerate(texts)]
        (tmp_path / "in" / f"{number}.jsonl").write_bytes(jsonl(records))
    return tmp_path


def test_figures_are_the_same_however_the_inputs_are_cut(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = curated(corpus, "whole", held_out={"share": 0.2})
    monkeypatch.setattr("curate.read.tasks.TASK_BYTES", 5_000)
    assert curated(corpus, "cut", held_out={"share": 0.2}) == whole


def test_figures_are_those_of_the_sets(corpus: Path) -> None:
    report = curated(corpus, "out", held_out={"share": 0.2})
    tables = {name: pl.DataFrame(ShardSet(corpus / "out" / name).to_table()) for name in ("documents", "held_out", "verdicts", "signals")}
    kept, verdicts, signals = tables["documents"], tables["verdicts"], tables["signals"]
    assert report["bytes"]["kept"] == sum(len(text.encode()) for text in kept["text"])
    assert report["bytes"]["read"] == signals["text_bytes"].sum()
    assert report["languages"] == dict(signals["language"].value_counts(sort=True).iter_rows())
    assert report["sources"] == {"in": {"read": 92, "kept": kept.height, "bytes_kept": report["bytes"]["kept"]}}
    assert {row["rule"]: row["documents"] for row in report["rules"]} == dict(verdicts["rule"].value_counts().iter_rows())
    assert report["cluster_sizes"] == {
        str(size): n for size, n in pl.concat([kept["cluster_size"], tables["held_out"]["cluster_size"]]).value_counts().sort("cluster_size").iter_rows()
    }
    assert report["hosts"] == 7
    short = next(one for one in report["histograms"] if one["rule"] == "gopher_quality/gopher_short_doc")
    assert sum(short["documents"]) == signals.height
    assert sum(n for n, low in zip(short["documents"], short["edges"], strict=False) if low < 50) == (signals["n_non_symbol_words"] < 50).sum()


def test_examples_are_of_the_rule_and_drawn_by_the_seed(corpus: Path) -> None:
    report = curated(corpus, "out")
    verdicts = {(row["file"], row["row"]): row["rule"] for row in ShardSet(corpus / "out" / "verdicts").to_table().to_pylist()}
    for name, examples in report["examples"].items():
        assert 0 < len(examples) <= N_EXAMPLES
        assert all(f"{name.split('/', 1)[1]}" == verdicts[one["file"], one["row"]] for one in examples if len(report["rules"]) == 1)
    shown = report["examples"]["rules/gopher_quality/gopher_short_doc"]
    assert [one["text"] for one in shown] == ["Too short."] * 3 and shown[0]["value"] == 2 and shown[0]["threshold"] == 50
    assert report["examples"]["read/read/empty"][0]["doc_id"] is None
    other = curated(corpus, "other", seed=1)
    assert other["kept_examples"] != report["kept_examples"] and len(other["kept_examples"]) == N_EXAMPLES
    json.dumps(report)


@pytest.mark.parametrize("threshold", [0.3, 1.0, 50.0, 0.0, -3.0])
def test_a_cut_lies_on_or_between_edges_and_every_document_is_counted(threshold: float) -> None:
    rules = RuleSet(name="s", dialect="d", source="o", rules=(Rule(name="r", value="x", drop_if="<", threshold=threshold),))
    limits = edges(rules.rules[0])
    assert len(limits) == N_BINS + 1 and (np.diff(limits) > 0).all() and limits[0] <= threshold <= limits[-1]
    counts = count_values(pl.DataFrame({"x": [-1e9, threshold, 0.5, 1e9, None, float("nan")]}), rules)
    assert sum(counts["s/r"]) == 4


def test_hosts_are_counted_once_also_over_merged_sketches() -> None:
    urls = [f"http://User@h{index % 300}.example.org:80/p?q#f" for index in range(900)]
    first, second = (Hosts.of_urls(pa.chunked_array([some])) for some in (urls[:600], [*urls[300:], "", "no address", "HTTP://H0.example.org"]))
    assert abs(Hosts.load(first.dump()).merged(second).count() - 300) <= 15
    assert Hosts().count() == 0
