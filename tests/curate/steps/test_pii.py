import json
from pathlib import Path

import polars as pl
import pytest

from curate.errors import CurateError
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from curate.rewrite.pii.names import NameFinder
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


def test_documents_with_too_much_of_it_are_dropped_by_a_rule(tmp_path):
    report, documents, _ = curated(tmp_path, rewrite={"pii": {"replace": False}}, rules=["pii"])
    assert documents["text"].to_list() == TEXTS[:3]
    assert report["funnel"][0]["rule"] == "pii/many_contacts"


def test_names_come_from_a_spacy_pipeline_and_a_wrong_one_is_refused(tmp_path):
    import spacy

    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Zoë Doe"}, {"label": "ORG", "pattern": "Acme"}])
    pipeline.to_disk(tmp_path / "names")
    import pyarrow as pa

    docs, starts, ends = NameFinder(str(tmp_path / "names"))(pa.array(["", "é Zoë Doe of Acme\n" * 9000]))
    assert docs.tolist() == [1] * 9000 and starts[:2].tolist() == [3, 23] and ends[:2].tolist() == [11, 31]
    with pytest.raises(CurateError, match=r"rewrite\.pii\.names: no spaCy pipeline or transformers folder 'nothing'"):
        NameFinder("nothing")
