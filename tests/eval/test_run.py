import json
import math
import shutil

import pytest

from eval import run as run_module
from eval.errors import EvalError
from eval.models import ModelFolder
from eval.recipe import EvaluateRecipe
from eval.report.recipe import ReportRecipe
from eval.report.write import write_report
from eval.run import run
from shards.errors import ShardError
from shards.read import ShardSet
from tests.eval.conftest import DOMAIN, GENERAL, save_documents
from tests.records import content_of


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


def test_a_rerun_scores_nothing_again_and_gives_the_same_bytes(recipe, monkeypatch):
    made = recipe()
    run(made)
    before = {path.name: path.read_bytes() for path in made.out.iterdir() if path.is_file()}
    monkeypatch.setattr(run_module, "load_model", None)
    run(made)
    assert before == {path.name: path.read_bytes() for path in made.out.iterdir() if path.is_file()}


def test_evaluations_that_share_a_folder_score_each_model_once(recipe, monkeypatch, tmp_path):
    alone = run(recipe())
    load, loaded = run_module.load_model, []
    monkeypatch.setattr(run_module, "load_model", lambda folder, *rest: loaded.append(folder.name) or load(folder, *rest))
    for name in ("base", "adapted"):
        models = {key: path for key, path in recipe().models.items() if key in ("base", name)}
        run(recipe(models=models, work=tmp_path / "shared", out=tmp_path / name))
    assert loaded == ["base", "adapted"]
    assert run(recipe(work=tmp_path / "shared", out=tmp_path / "both")) == alone and loaded == ["base", "adapted"]
    assert not list((tmp_path / "shared").rglob("*.cptkit.lock")) and not (tmp_path / "both" / "work").exists()


def test_a_task_that_another_evaluation_finishes_meanwhile_is_not_scored_again(recipe, monkeypatch, tmp_path):
    load, score, scored = run_module.load_model, run_module._score_domain, []
    monkeypatch.setattr(run_module, "_score_domain", lambda *arguments: scored.append(1) or score(*arguments))

    def load_late(folder, *rest):
        monkeypatch.setattr(run_module, "load_model", load)
        run(recipe(work=tmp_path / "shared", out=tmp_path / "other"))
        return load(folder, *rest)

    monkeypatch.setattr(run_module, "load_model", load_late)
    run(recipe(work=tmp_path / "shared"))
    assert len(scored) == 4


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


@pytest.mark.parametrize("device", ["nonsense", "cuda:99", "hpu"])
def test_a_device_that_is_not_there_is_named(recipe, device):
    with pytest.raises(EvalError, match=f"device {device}: not available on this machine .* set device to cpu or auto"):
        run(recipe(device=device))


def test_gemma_models_get_a_beginning_of_text_token_before_every_window_and_others_if_asked(recipe, model_folders, tmp_path):
    domains = {"domain": {"documents": save_documents(tmp_path / "long", ["many words of text " * 30, "other words " * 40]), "clusters": "none"}}
    models = {"base": model_folders["with_bos"], "plain": model_folders["base"]}
    plain = run(recipe(models=models, domains=domains))
    with pytest.raises(EvalError, match="model plain: bos_every_window is set, but its tokenizer puts no beginning-of-text token"):
        run(recipe(models=models, domains=domains, bos_every_window=True))
    asked = run(recipe(models={"base": model_folders["with_bos"]}, domains=domains, bos_every_window=True))
    assert asked["scores"][0]["bits_per_byte"] != plain["scores"][0]["bits_per_byte"] and asked["models"]["base"]["bos_every_window"]
    assert not plain["models"]["base"]["bos_every_window"]
    config = tmp_path / "config.json"
    for name, needs in (("gemma3_text", True), ("gemma", True), ("llama", False)):
        config.write_text(json.dumps({"model_type": name}))
        for file in ("model.safetensors", "tokenizer.json"):
            shutil.copy(model_folders["base"] / file, tmp_path / file)
        assert ModelFolder("m", tmp_path).needs_bos == needs


def test_two_copies_of_a_model_are_no_two_seeds(recipe, model_folders):
    models = {"base": model_folders["adapted"], "one": model_folders["base"], "two": model_folders["base"]}
    with pytest.raises(EvalError, match=r"recipes\.replay: one and two are the same model, so they are no two seeds"):
        run(recipe(models=models, recipes={"replay": ["one", "two"]}))


def test_the_context_is_known_under_the_names_that_architectures_give_it(recipe, model_folders, tmp_path):
    shutil.copytree(model_folders["base"], tmp_path / "gpt2")
    config = json.loads((tmp_path / "gpt2" / "config.json").read_text())
    config["n_positions"] = config.pop("max_position_embeddings")
    (tmp_path / "gpt2" / "config.json").write_text(json.dumps(config))
    with pytest.raises(EvalError, match="model base: its context is 64 tokens, but the recipe has context_tokens 65"):
        run(recipe(models={"base": tmp_path / "gpt2"}, context_tokens=65))
