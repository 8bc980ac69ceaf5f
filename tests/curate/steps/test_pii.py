import json
from pathlib import Path

import polars as pl

from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from shards.read import ShardSet

TEXTS = ["Write to jo@example.com or ann@example.org.", "No personal data here.", "From 81.2.69.160: Phone 212 736 5000", "a@x.com " * 31]


def curated(folder: Path, **options: object) -> tuple[dict, pl.DataFrame, pl.DataFrame]:
    """Report, documents and signals of a run over TEXTS, in the order of the texts."""
    folder.mkdir(exist_ok=True)
    (folder / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    recipe = CurateRecipe.model_validate({"name": "t", "inputs": [str(folder / "in.jsonl")], "language": None, "rules": [], **options})
    report = run(recipe, folder / "out", 1).report
    return report, *(pl.concat([pl.DataFrame(batch) for batch in ShardSet(folder / "out" / name).batches()]).sort("row") for name in ("documents", "signals"))


def test_a_run_counts_personal_data_and_writes_placeholders(tmp_path):
    _, documents, signals = curated(tmp_path, rewrite={"pii": {}})
    assert documents["text"].to_list()[:3] == ["Write to <EMAIL> or <EMAIL>.", TEXTS[1], "From <IP_ADDRESS>: Phone <PHONE>"]
    assert signals["pii_emails"].to_list() == [2, 0, 0, 31] and signals["pii_phones"].to_list() == [0, 0, 1, 0]


def test_documents_with_too_much_personal_data_are_dropped_by_a_rule(tmp_path):
    report, documents, _ = curated(tmp_path, rewrite={"pii": {"replace": False}}, rules=["pii"])
    assert documents["text"].to_list() == TEXTS[:3]
    assert report["funnel"][0]["rule"] == "pii/many_contacts"
