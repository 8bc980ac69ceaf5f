import json
import math
import shutil

import numpy as np
import pytest

from eval import run as run_module
from eval.errors import EvalError
from eval.recipe import EvaluateRecipe, ReportRecipe
from eval.report.write import write_report
from eval.run import run
from shards.errors import ShardError
from shards.read import ShardSet
from tests.commands import run as run_command
from tests.eval.conftest import save_documents
from tests.records import content_of

GENERAL = [f"Sentence number {number} of a general kind. " * (1 + number % 7) for number in range(30)]
DOMAIN = [f"def f{number}(x):\n    return x + {number}\n" * (1 + number % 5) for number in range(20)]


@pytest.fixture
def recipe(tmp_path, model_folders):
    def build(**changes):
        fields = {
            "name": "test",
            "models": {name: model_folders[name] for name in ("base", "adapted")},
            "baseline": "base",
            "domains": {
                "domain": {"documents": save_documents(tmp_path / "domain", DOMAIN), "role": "gain"},
                "general": {"documents": save_documents(tmp_path / "general", GENERAL), "role": "retain"},
            },
            "context_tokens": 64,
            "n_resamples": 500,
            "threads": 1,
            "out": tmp_path / "scores",
        }
        return EvaluateRecipe.model_validate(fields | changes)

    return build


def documents_of(recipe: EvaluateRecipe, name: str):
    return recipe.domains[name].documents


def test_scores_hold_every_model_domain_and_document_with_the_bytes_of_its_text(recipe):
    made = recipe()
    summary = run(made)
    table = ShardSet(made.out, "scores").to_table()
    assert table.num_rows == 2 * (len(DOMAIN) + len(GENERAL))
    texts = {row["id"]: row["text"] for name in ("domain", "general") for row in ShardSet(documents_of(made, name)).to_table().to_pylist()}
    rows = table.to_pylist()
    assert all(row["n_bytes"] == row["n_tokens"] == len(texts[row["doc_id"]].encode()) for row in rows)
    for said in summary["scores"]:
        mine = [row for row in rows if (row["model"], row["domain"]) == (said["model"], said["domain"])]
        bits = sum(row["nats"] for row in mine) / sum(row["n_bytes"] for row in mine) / math.log(2)
        assert said["bits_per_byte"] == pytest.approx(bits) and said["low"] < bits < said["high"]
        assert (said["documents"], said["bytes"]) == (len(mine), sum(row["n_bytes"] for row in mine))
    assert content_of(made.out / "summary.json") == summary


def test_differences_are_paired_and_roles_decide_who_is_asked_to_retain(recipe):
    summary = run(recipe())
    bits = {(row["model"], row["domain"]): row["bits_per_byte"] for row in summary["scores"]}
    assert [(row["model"], row["against"], row["domain"]) for row in summary["differences"]] == [
        ("adapted", "base", "domain"),
        ("adapted", "base", "general"),
    ]
    for row in summary["differences"]:
        assert row["delta"] == pytest.approx(bits["adapted", row["domain"]] - bits["base", row["domain"]])
        assert ("retained" in row) == (row["domain"] == "general")
        assert row["verdict"] in ("better", "worse", "undetectable")


def test_a_copy_of_the_baseline_is_undetectably_different(recipe, model_folders):
    summary = run(recipe(models={"base": model_folders["base"], "copy": model_folders["base"]}))
    assert {(row["delta"], row["verdict"]) for row in summary["differences"]} == {(0.0, "undetectable")}


def test_a_rerun_scores_nothing_again_and_gives_the_same_bytes(recipe, monkeypatch):
    made = recipe()
    run(made)
    before = {path.name: path.read_bytes() for path in made.out.iterdir() if path.is_file()}
    monkeypatch.setattr(run_module, "load_model", None)
    run(made)
    assert before == {path.name: path.read_bytes() for path in made.out.iterdir() if path.is_file()}


def test_a_page_beside_the_scores_goes_when_they_change(recipe):
    made = recipe()
    run(made)
    page, data = write_report(ReportRecipe(title="t", scores=made.out, out=made.out / "report.html"))
    run(made)
    assert page.exists() and data.exists()
    run(recipe(n_resamples=400))
    assert not page.exists() and not data.exists()


def test_what_was_scored_before_an_interruption_is_kept(recipe, monkeypatch):
    made = recipe()
    whole = run(made)
    shutil.rmtree(made.out)
    score, calls = run_module.score_documents, []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return score(*arguments, **options)

    monkeypatch.setattr(run_module, "score_documents", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(made)
    with pytest.raises(ShardError):
        ShardSet(made.out, "scores")
    assert run(made) == whole
    assert len(calls) == 5


def test_another_model_under_the_same_name_is_scored_anew(recipe, model_folders, tmp_path):
    made = recipe()
    first = run(made)
    changed = run(recipe(models={"base": model_folders["base"], "adapted": model_folders["with_bos"]}))
    assert first["scores"][1] != changed["scores"][1] and first["scores"][0] == changed["scores"][0]


def test_documents_are_sampled_by_id_and_cut_at_a_character(recipe, tmp_path):
    documents = save_documents(tmp_path / "wide", ["é" * 50 + str(number) for number in range(9)] + [""])
    domain = {"documents": documents, "max_documents": 4, "max_bytes_per_document": 7}
    made = recipe(domains={"wide": domain})
    run(made)
    rows = ShardSet(made.out).to_table().to_pylist()
    all_ids = [row["id"] for row in ShardSet(documents).to_table().to_pylist() if row["text"]]
    assert [row["doc_id"] for row in rows if row["model"] == "base"] == sorted(all_ids)[:4]
    assert {row["n_bytes"] for row in rows} == {6}


def test_held_out_documents_that_were_trained_on_are_refused(recipe, tmp_path):
    clean = save_documents(tmp_path / "clean", ["something else"])
    leaky = save_documents(tmp_path / "leaky", ["something else", DOMAIN[3], GENERAL[0]])
    assert run(recipe(train_documents=[clean]))["domains"]["domain"]["documents_also_in_training"] == 0
    with pytest.raises(EvalError, match=r"domain domain: 1 of its 20 held-out documents are also in .*leaky"):
        run(recipe(train_documents=[clean, leaky]))


def test_unusable_models_are_named_before_anything_is_scored(recipe, model_folders, tmp_path):
    def with_adapted(name: str, remove: str = "") -> EvaluateRecipe:
        folder = tmp_path / name
        if remove:
            shutil.copytree(model_folders["base"], folder)
            (folder / remove).unlink()
        return recipe(models={"base": model_folders["base"], "adapted": folder})

    for made, message in (
        (with_adapted("absent"), "model adapted: .*absent is not a folder"),
        (with_adapted("no-weights", "model.safetensors"), "no .*safetensors in .*no-weights"),
        (with_adapted("no-tokenizer", "tokenizer.json"), "no tokenizer.json in .*no-tokenizer"),
        (with_adapted("no-config", "config.json"), "no config.json in .*no-config"),
        (recipe(context_tokens=65), "model base: holds 64 tokens, the recipe asks for context_tokens 65"),
    ):
        with pytest.raises(EvalError, match=message):
            run(made)
        assert not made.out.exists()


def test_a_model_that_lacks_weights_or_has_another_tokenizer_is_refused(recipe, model_folders, tmp_path):
    from safetensors.torch import load_file, save_file

    for name in ("partial", "foreign", "diverged"):
        shutil.copytree(model_folders["base"], tmp_path / name)
    weights = load_file(tmp_path / "partial" / "model.safetensors")
    removed = weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, tmp_path / "partial" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EvalError, match=r"1 weights are not in .*partial, the first is model.layers.1.mlp.up_proj.weight"):
        run(recipe(models={"base": tmp_path / "partial"}))
    tokenizer = json.loads((tmp_path / "foreign" / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["zz"] = 258
    (tmp_path / "foreign" / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(EvalError, match="its tokenizer has 259 entries, its embedding 258 rows"):
        run(recipe(models={"base": tmp_path / "foreign"}))
    weights |= {"model.layers.1.mlp.up_proj.weight": np.nan * removed}
    save_file(weights, tmp_path / "diverged" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EvalError, match=r"model base: gives no finite loss on document [0-9a-f]{32} of domain domain"):
        run(recipe(models={"base": tmp_path / "diverged"}))


def test_a_domain_with_fewer_than_two_documents_is_refused(recipe, tmp_path):
    alone = save_documents(tmp_path / "alone", ["one text", "one text", ""])
    with pytest.raises(EvalError, match=r"domain alone: .* holds 1 documents with text"):
        run(recipe(domains={"alone": {"documents": alone}}))


def test_the_command_says_what_is_wrong_with_a_recipe_in_one_line(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("{name: a, models: {base: x}, baseline: bas, domains: {d: {documents: y}}, out: z}")
    assert "recipe.yaml: baseline: no model is called bas, models are base\n" in run_command("evaluate", "run", path, code=2)
    said = run_command("evaluate", "run", path, "--set", "baseline=base", "--set", "stride_tokens=2000", code=2)
    assert "stride_tokens: larger than context_tokens" in said
    assert "model base: x is not a folder" in run_command("evaluate", "run", path, "--set", "baseline=base", code=2)
    assert "did you mean documents?" in run_command("evaluate", "run", path, "--set", "domains.d.document=z", code=2)
