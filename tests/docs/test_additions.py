"""The pages about adding a signal and a dedup method are true: done to a copy of the package, everything that they promise follows."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from curate.pipeline.run import run as run_curate
from curate.recipe import CurateRecipe
from curate.rules.ruleset import load_rules
from curate.signals.measure import measure
from curate.words.spacy_words import WordSplitter
from shards.read import ShardSet
from tests.commands import run
from tests.curate.corpus import document, jsonl
from tests.docs.additions import package_with, shown

HEADLINE = "Many Words In Capitals Are Here And Nothing Else Is."


def recipe_file(folder: Path, texts: list[str], **keys: object) -> Path:
    """A recipe for the texts that does nothing but `keys`."""
    (folder / "in.jsonl").write_bytes(jsonl([{"text": text} for text in texts]))
    path = folder / "curate.yaml"
    path.write_text(yaml.safe_dump({"name": "a", "inputs": [str(folder / "in.jsonl")], "language": None, "rules": [], **keys}))
    return path


def of_recipe(page: str) -> dict[str, object]:
    """The keys of `curate.yaml` that a page shows."""
    return {key: value for head, text in shown(page, "yaml") if head == "in curate.yaml" for key, value in yaml.safe_load(text).items()}


def test_a_signal_file_of_the_page_measures_what_its_rule_reads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for head, text in [*shown("add-a-signal"), *shown("add-a-signal", "yaml")]:
        if "/" not in head and not head.startswith("in "):
            Path(head).write_text(text)
    texts = pa.array(["One two Three four.", "1 2", ""])
    assert str(measure(texts, WordSplitter(), ["capitals.py"])["capital_word_ratio"].to_pylist()) == "[0.4, 0.0, nan]"
    keys = of_recipe("add-a-signal")
    assert load_rules(keys["rules"][0]).signals() == {"capital_word_ratio"}
    recipe = CurateRecipe.model_validate(yaml.safe_load(recipe_file(tmp_path, [HEADLINE, document(1)], **keys).read_text()))
    run_curate(recipe, tmp_path / "out", 1)
    assert [(row["row"], row["rule"]) for row in ShardSet(tmp_path / "out" / "verdicts").to_table().to_pylist()] == [(0, "headlines/capitals")]


@pytest.mark.slow
def test_a_signal_added_by_the_page_is_measured_for_a_rule_and_stands_in_the_reference(tmp_path):
    environment = package_with("add-a-signal", tmp_path)
    (tmp_path / "headlines.yaml").write_text(dict(shown("add-a-signal", "yaml"))["headlines.yaml"])
    recipe = recipe_file(tmp_path, [HEADLINE, document(1)], rules=[str(tmp_path / "headlines.yaml")], keep_signals=["capital_word_ratio"])
    run("curate", "run", recipe, "--out", tmp_path / "out", environment=environment)
    assert "headlines/capitals: 0.9" in run("curate", "why", "in.jsonl:0", "--run", tmp_path / "out", environment=environment)
    assert ShardSet(tmp_path / "out" / "documents").to_table()["capital_word_ratio"].to_pylist()[0] < 0.2
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert "headlines/capitals" in {histogram["rule"] for histogram in report["histograms"]}
    assert "`capital_word_ratio`: share of words that begin" in python("from docs.generate.tables import signals; print(signals())", environment)


@pytest.mark.slow
def test_a_dedup_method_added_by_the_page_is_known_to_the_report_and_to_questions_about_the_run(tmp_path):
    environment = package_with("add-a-dedup-method", tmp_path)
    keys = of_recipe("add-a-dedup-method")
    texts = [document(1), document(2), document(1, 5) + "\nAnother end.", document(3), document(3)]
    recipe = recipe_file(tmp_path, texts, dedup={**keys["dedup"], "before_rules": True})
    reports = []
    for workers in (1, 2):
        out = tmp_path / f"out{workers}"
        run("curate", "run", recipe, "--out", out, "--workers", workers, environment=environment)
        reports.append((out / "report.json").read_bytes())
    assert reports[0] == reports[1]
    report = json.loads(reports[0])
    assert [entry["rule"] for entry in report["funnel"]] == ["exact/duplicate", "openings/duplicate"]
    assert report["counts"]["kept"] == 3 and report["cluster_sizes"] == {"1": 1, "2": 2}
    explained = " ".join(run("curate", "why", "in.jsonl:2", "--run", out, environment=environment).split())
    assert re.search(r"openings/duplicate: duplicate of \w+ in.jsonl:0, which is kept", explained)
    assert "in.jsonl:2" in run("curate", "sample", "--run", out, "--dropped-by", "openings/duplicate", environment=environment)
    sizes = f"from curate.inspect.rehydrate import *; print(clusters(RunFolder.open(Path({str(out)!r})))['cluster_size'].to_list())"
    assert python(sizes, environment) == "[2, 1, 2]\n"
    assert "openings" in python("from docs.generate.pages import *; print(pages(Path('docs'))['reference/recipes/curate.md'])", environment)


def python(code: str, environment: dict[str, str]) -> str:
    """What a Python program prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | environment)
    assert done.returncode == 0, done.stderr
    return done.stdout
