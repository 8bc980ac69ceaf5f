import itertools
import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from shards.read import ShardSet

RNG = random.Random(1)
VOCABULARY = ["".join(letters) for letters in itertools.product("bdklmnrst", "aeiou", "bdklmnrst", "aeiou")]


def prose(n_words: int) -> str:
    return " ".join(RNG.choices(VOCABULARY, k=n_words))


ITEMS = [{"question": prose(20), "answer": prose(3)} for _ in range(5)] + [{"question": "too short", "answer": "7"}]
NOTICE = prose(15)
ITEMS.append({"question": f"{NOTICE} {prose(20)}", "answer": "9"})
CLEAN = [prose(120) for _ in range(6)]


def curated(folder: Path, texts: dict[str, list[str]], **options: Any) -> tuple[dict[str, Any], pl.DataFrame, pl.DataFrame]:
    """Report, documents and verdicts of a run over sources of texts."""
    if not folder.joinpath("quiz.jsonl").exists():
        (folder / "quiz.jsonl").write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
        for name, documents in texts.items():
            (folder / f"{name}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in documents))
    decontaminate = {"evals": [{"path": str(folder / "quiz.jsonl")}], **options}
    inputs = [str(folder / f"{name}.jsonl") for name in texts]
    recipe = {"name": "t", "inputs": inputs, "language": None, "rules": [], "dedup": {"exact": False, "minhash": None}, "decontaminate": decontaminate}
    report = run(CurateRecipe.model_validate(recipe), folder / "out", 1).report
    tables = (pl.DataFrame(ShardSet(folder / "out" / name).to_table()) for name in ("documents", "verdicts"))
    return report, *(table.sort("file", "row") for table in tables)


def test_a_document_that_quotes_an_item_is_dropped_and_told_which(tmp_path):
    planted = f"{CLEAN[0]} {ITEMS[2]['question'].title()}! {CLEAN[1]}"
    report, documents, verdicts = curated(tmp_path, {"web": [CLEAN[2], planted, CLEAN[3]]})
    assert documents["text"].to_list() == [CLEAN[2], CLEAN[3]]
    (verdict,) = verdicts.to_dicts()
    assert verdict["rule"] == "contamination/ngrams" and verdict["value"] == 1.0
    place, ngram = verdict["detail"].split(": ")
    assert place == "quiz quiz.jsonl:2" and ngram == " ".join(ITEMS[2]["question"].split()[:13])
    summary = report["removed"]["contamination"]["evals"]["quiz"]
    assert (summary["items"], summary["too_short"], summary["found"], summary["documents"]) == (7, 1, 1, 1)
    assert summary["worst"][0]["item"] == "quiz.jsonl:2" and summary["worst"][0]["document"].endswith(":1")


def test_a_threshold_on_the_share_is_decided_without_reading_text_again(tmp_path):
    half = " ".join(ITEMS[1]["question"].split()[:15])
    texts = {"web": [f"{CLEAN[0]} {half} {CLEAN[1]}", f"{CLEAN[2]} {ITEMS[0]['question']}"]}
    _, documents, verdicts = curated(tmp_path, texts)
    assert documents.height == 0 and verdicts["value"].to_list() == [3 / 8, 1.0]
    measured = sorted((tmp_path / "out" / "work").glob("measure-*"))
    _, documents, verdicts = curated(tmp_path, texts, min_share=0.5)
    assert documents["text"].to_list() == texts["web"][:1] and verdicts["threshold"].to_list() == [0.5]
    assert sorted((tmp_path / "out" / "work").glob("measure-*")) == measured


def test_stretches_are_cut_out_and_documents_that_would_lose_much_are_dropped(tmp_path):
    question = ITEMS[3]["question"]
    texts = {"web": [f"é {CLEAN[0]}\n{question}. {CLEAN[1]} me@example.com", f"{question} {' '.join(CLEAN[2].split()[:9])}"]}
    _, documents, verdicts = curated(tmp_path, texts, action="cut")
    assert documents["text"].to_list() == [f"é {CLEAN[0]}\n. {CLEAN[1]} me@example.com"]
    assert verdicts["row"].to_list() == [1]


@pytest.mark.parametrize(("sources", "is_boilerplate"), [(3, True), (2, False)])
def test_n_grams_of_many_documents_in_several_sources_are_boilerplate(tmp_path, sources, is_boilerplate):
    texts = {f"s{number}": [f"{CLEAN[i]} {NOTICE} {number}" for i in range(4)] for number in range(sources)}
    texts["s0"].append(f"{CLEAN[5]} {ITEMS[6]['question']}")
    report, _, verdicts = curated(tmp_path, texts, boilerplate={"documents": 5, "sources": 3})
    assert verdicts.height == (1 if is_boilerplate else 4 * sources + 1)
    assert report["removed"]["contamination"]["boilerplate_ngrams"] == (3 if is_boilerplate else 0)
    assert verdicts.filter(pl.col("row") == 4)["value"].to_list() == [1.0]
