"""FineWeb2's thresholds: each document is judged by its own language's figures, as datatrove's filters judge with them."""

import random
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.languages.table import figures, stop_words
from curate.pipeline.decide import decide_documents
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from curate.rules.decide import decide, first_reason, load_rules
from curate.signals.measure import measure
from curate.words.choice import load_splitter, splitter_name
from shards.errors import CptkitError
from shards.read import ShardSet
from shards.recipe import load_recipe
from tests.curate.corpus import jsonl

LANGUAGES = ("swh_Latn", "yor_Latn", "tha_Thai", "ces_Latn", "amh_Ethi")


def document(language: str, seed: int) -> str:
    """Stop words and other words of the language's letters, in documents of every kind: short ones, lists, repetitions, symbols."""
    draw = random.Random(f"{language} {seed}")
    common = list(stop_words(language) or ())
    letters = sorted(set("".join(common)))
    own = ["".join(draw.choices(letters, k=draw.randint(2, 12))) for _ in range(draw.choice([3, 300]))]
    gap = "" if language == "tha_Thai" else " "
    lines = []
    for _ in range(draw.choice([1, 5, 40])):
        words = [draw.choice(common if draw.random() < 0.3 else own) for _ in range(draw.choice([2, 15, 30]))]
        lines.append(draw.choice(["", "", "- "]) + gap.join(words) + draw.choice([".", ".", "", "…", " # 12 34 56"]))
    return "\n".join(lines * draw.choice([1, 1, 3]))


def their_reason(text: str, language: str, filters: list) -> str:
    from datatrove.data import Document

    for one in filters:
        verdict = one.filter(Document(text=text, id=""))
        if verdict is not True:
            return f"fineweb2/{verdict[1]}"
    return "kept"


def their_filters(language: str) -> list:
    from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

    own = figures().filter(pl.col("language") == language).row(0, named=True)
    top, duplicated = ([(n, own[f"top_{n}_gram"]) for n in (2, 3, 4)], [(n, own[f"duplicated_{n}_n_grams"]) for n in range(5, 11)])
    off = {"dup_para_frac": 0, "dup_para_char_frac": 0, "dup_line_char_frac": 0}
    words = {key: own[key] for key in ("min_avg_word_length", "max_avg_word_length", "max_non_alpha_words_ratio")}
    lines = {"line_punct_thr": own["line_punct_thr"], "new_line_ratio": own["new_line_ratio"], "short_line_thr": 999, "char_duplicates_ratio": 0.1}
    return [
        GopherRepetitionFilter(dup_line_frac=own["dup_line_frac"], top_n_grams=top, dup_n_grams=duplicated, language=language, **off),
        FineWebQualityFilter(language=language, **lines),
        GopherQualityFilter(stop_words=own["stop_words"], min_stop_words=2, language=language, **words),
    ]


def our_signals(texts: list[str], language: str) -> pl.DataFrame:
    splitter = load_splitter(splitter_name("auto:datatrove", language))
    signals = measure(pa.array(texts), splitter, own_stop_words={"n_stop_words_fineweb2": stop_words(language) or ()})
    return pl.DataFrame(signals).with_columns(language=pl.lit(language))


def test_reasons_are_those_of_datatroves_filters_with_the_languages_figures() -> None:
    ours, theirs = [], []
    signals = []
    for language in LANGUAGES:
        texts, filters = ([document(language, seed) for seed in range(60)], their_filters(language))
        signals.append(our_signals(texts, language))
        theirs += [their_reason(text, language, filters) for text in texts]
    everything = pl.concat(signals)
    ours = first_reason(decide(everything, load_rules("fineweb2")), len(everything)).fill_null("kept").to_list()
    assert ours == theirs and len(set(theirs)) > 8


def test_the_verdict_holds_the_value_and_the_languages_threshold() -> None:
    signals = pl.concat([our_signals(["xx " * 60] * 2, language) for language in ("ces_Latn", "swh_Latn")])
    verdicts = decide(signals, load_rules("fineweb2")).filter(pl.col("rule") == "fineweb2/top_2_gram")
    assert verdicts["threshold"].to_list() == [0.206, 0.206, 0.396, 0.396] and verdicts["row"].to_list() == [0, 1, 2, 3]
    assert (verdicts["value"] > 0.5).all()


def test_two_letter_codes_and_other_names_find_the_same_figures() -> None:
    signals = pl.concat([our_signals(["ya na " * 60], "swh_Latn").with_columns(language=pl.lit(code)) for code in ("sw", "swh_Latn")])
    by_row = decide(signals, load_rules("fineweb2")).partition_by("row", include_key=False)
    assert by_row[0].equals(by_row[1]) and len(by_row[0]) > 3


def test_a_language_without_figures_is_not_judged_unless_asked() -> None:
    signals = our_signals(["!"], "swh_Latn").with_columns(language=pl.lit("en"))
    verdicts = decide(signals, load_rules("fineweb2"))
    assert verdicts["rule"].to_list() == ["fineweb2/unknown_language"]


def test_confidence_may_differ_by_language(tmp_path: Path) -> None:
    scores = np.array([0.35, 0.85, 0.1, 0.1], np.float32)
    signals = pl.DataFrame({"language": ["sw", "cs", "en", "xx"], "language_score": scores, "is_blank": [False] * 4, "http_status": [None] * 4})

    def dropped(confidence: object) -> list[tuple[int, float]]:
        path = tmp_path / "recipe.json"
        path.write_text(CurateRecipe(name="x", inputs=["in"], language={"min_confidence": confidence}).model_dump_json())
        found = decide_documents(signals, load_recipe(path, CurateRecipe), ())
        return list(zip(found["row"], found["threshold"], strict=True))

    assert dropped("fineweb2") == [(1, 0.88)]
    assert dropped({"default": 0.2, "swh_Latn": 0.4, "cs": 0.5}) == [(0, 0.4), (2, 0.2), (3, 0.2)]
    assert dropped(0.3) == [(2, 0.3), (3, 0.3)] and dropped({}) == []


def test_a_run_judges_each_document_by_its_language_in_words_of_its_own(tmp_path: Path) -> None:
    texts = [document(language, seed) for seed in range(6) for language in ("swh_Latn", "tha_Thai")] + ["The harbour is old and the ships are new. " * 9]
    (tmp_path / "in.jsonl").write_bytes(jsonl([{"text": text} for text in texts]))
    rules = "[{name: fineweb2, unknown_language: drop}]"
    (tmp_path / "recipe.yaml").write_text(f"name: x\ninputs: [{tmp_path}/in.jsonl]\nwords: auto\nunicode: 'off'\nrules: {rules}\ndedup: {{minhash: null}}\n")
    run(load_recipe(tmp_path / "recipe.yaml", CurateRecipe), tmp_path / "out", 1)
    signals = pl.DataFrame(ShardSet(tmp_path / "out" / "signals").to_table())
    verdicts = pl.DataFrame(ShardSet(tmp_path / "out" / "verdicts").to_table())
    english = verdicts.filter(pl.col("row") == 12)
    assert english["rule"].to_list() == ["fineweb2/unknown_language"]
    for row, text in enumerate(texts):
        found = signals.row(row, named=True)
        alone = measure(pa.array([text]), load_splitter(splitter_name("auto", found["language"])))
        assert (found["n_words"], found["alpha_word_ratio"]) == (alone["n_words"][0].as_py(), alone["alpha_word_ratio"][0].as_py())


def test_rules_by_language_without_a_language_are_refused(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(jsonl([{"text": "x"}]))
    for words, rules in (("auto", "[]"), ("spacy:xx", "[fineweb2]")):
        (tmp_path / "recipe.yaml").write_text(f"name: x\ninputs: [{tmp_path}/in.jsonl]\nlanguage: null\nwords: {words}\nrules: {rules}\n")
        with pytest.raises(CptkitError, match="depends on the language of documents"):
            run(load_recipe(tmp_path / "recipe.yaml", CurateRecipe), tmp_path / "out", 1)


def test_a_threshold_that_names_no_figure_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\ndialect: own\nsource: me\nrules: [{name: one, value: n_words, drop_if: '<', threshold: fifty}]\n")
    with pytest.raises(CurateError, match="threshold fifty is no number"):
        load_rules(tmp_path / "mine.yaml")
