import json
import math
import shutil

import pytest
from safetensors.torch import load_file, save_file

from eval.errors import EvalError
from eval.probes import run as run_module
from eval.probes.record import ProbesRecord
from eval.probes.run import run
from shards.record import read_record
from tests.eval.conftest import GENERAL, save_documents
from tests.eval.probes.conftest import SMALL
from tests.eval.probes.planted import TEMPLATE
from tests.eval.score.test_losses import without_fallback


def verdicts(content: dict) -> dict[tuple[str, str], str]:
    return {(row["model"], row["measure"]): row["verdict"] for row in content["differences"]}


@pytest.fixture
def done(probes):
    made = probes()
    return made, run(made)


def test_the_record_holds_every_model_and_the_authors_with_intervals(done):
    made, content = done
    record = read_record(made.out / "probes.json", ProbesRecord)
    measured = {(row.measure, row.model) for row in record.scores}
    assert {model for measure, model in measured if measure == "greedy_loops"} == {"base", "adapted", "human"}
    assert {model for measure, model in measured if measure == "calibration_error"} == {"base", "adapted"}
    assert all(row.low is None or row.low <= row.value <= row.high for row in record.scores)
    compared = [(row.measure, row.model, row.domain) for row in record.differences]
    assert len(set(compared)) == len(compared) and {model for _, model, _ in compared} == {"adapted"}
    assert all((row.verdict is None) == (record.measures[row.measure].better is None) for row in record.differences)
    assert content["drift"]["adapted"]["total"]["relative"] > 0.5
    shares = [row for row in record.differences if record.measures[row.measure].unit in ("share", "probability")]
    assert shares and all(0 < row.minimum_detectable <= 2 and -2 <= row.low < row.high <= 2 for row in shares)
    assert all(-1 <= row.low <= row.high <= 1 for row in shares if row.measure != "overconfidence")
    assert all(0 <= row.low <= row.high <= 1 for row in record.scores if record.measures[row.measure].unit == "share" and row.measure != "overconfidence")


def test_differences_are_those_of_the_scores(done):
    _, content = done
    values = {(row["measure"], row["model"], row["domain"]): row["value"] for row in content["scores"]}
    for row in content["differences"]:
        expected = values[row["measure"], row["model"], row["domain"]] - values[row["measure"], "base", row["domain"]]
        assert row["delta"] == pytest.approx(expected, abs=1e-9)


def test_a_rerun_probes_nothing_again_and_gives_the_same_bytes(done, monkeypatch):
    made, _ = done
    before = (made.out / "probes.json").read_bytes()
    monkeypatch.setattr(run_module, "WORKS", dict.fromkeys(run_module.WORKS))
    run(made)
    assert (made.out / "probes.json").read_bytes() == before


def test_an_unchanged_copy_is_not_flagged(probes, model_folders, tmp_path):
    shutil.copytree(model_folders["base"], tmp_path / "copy")
    content = run(probes(models={"base": model_folders["base"], "copy": tmp_path / "copy"}))
    assert all(row["delta"] == 0 and row["verdict"] in ("undetectable", None) for row in content["differences"])
    assert content["drift"]["copy"]["total"] == pytest.approx({"relative": 0.0, "cosine": 1.0, "numbers": content["drift"]["copy"]["total"]["numbers"]})


def test_models_of_a_recipe_are_compared_together(probes, model_folders):
    content = run(probes(models={"base": model_folders["base"], "a": model_folders["adapted"], "b": model_folders["adapted"]}, recipes={"both": ("a", "b")}))
    rows = [row for row in content["differences"] if row["measure"] == "second_copy_loss"]
    assert [(row["model"], row["of"]) for row in rows] == [("a", "checkpoint"), ("b", "checkpoint"), ("both", "recipe")]
    assert len({row["delta"] for row in rows}) == 1


def test_documents_of_a_cluster_count_as_one(probes, tmp_path):
    domain = {"documents": save_documents(tmp_path / "documents", [text * 3 for text in GENERAL]), "clusters": "source"}  # all have one source
    content = run(probes(domains={"general": domain}, drift=None))
    for row in content["differences"]:
        expected = (18, 18) if row["probe"] == "copying" else (row["items"], 1)
        assert (row["items"], row["clusters"]) == expected
        assert row["probe"] == "copying" or (row["low"] is None and row["verdict"] in ("too few", None))


def test_probes_that_are_null_are_left_out(probes):
    off = {name: None for name in (*SMALL, "drift", "language")}
    content = run(probes(**off | {"copying": SMALL["copying"]}))
    assert content["probes"] == ["copying"] and {row["probe"] for row in content["differences"]} == {"copying"}
    with pytest.raises(EvalError, match="all probes of the recipe are null"):
        run(probes(**off))


@pytest.mark.parametrize("probe", ["generation", "copying", "in_context", "chat", "calibration", "low_bits", "drift"])
def test_a_checkpoint_with_nan_is_refused_in_a_line_by_every_probe(probe, probes, model_folders, tmp_path):
    if probe == "low_bits":
        pytest.importorskip("bitsandbytes")
    folders = {name: tmp_path / name for name in ("sound", "broken")}
    for folder in folders.values():
        shutil.copytree(model_folders["base"], folder)
        settings = json.loads((folder / "config.json").read_text()) | {"max_position_embeddings": 512}
        (folder / "config.json").write_text(json.dumps(settings))
        names = json.loads((folder / "tokenizer_config.json").read_text()) | {"chat_template": TEMPLATE}
        (folder / "tokenizer_config.json").write_text(json.dumps(names))
    weights = load_file(folders["broken"] / "model.safetensors")
    weights["model.norm.weight"][0] = math.nan
    save_file(weights, folders["broken"] / "model.safetensors", metadata={"format": "pt"})
    small = SMALL | {"in_context": {"items": 1}, "chat": {"items": 1, "tokens": 4}, "low_bits": {"formats": ["int8"], "max_documents": 2}, "drift": {}}
    only = dict.fromkeys(small) | {probe: small[probe]}
    with pytest.raises(EvalError, match=r"model .*broken.* not finite; the checkpoint is damaged or has diverged"):
        run(probes(models=folders, baseline="sound", **only))


def test_a_tokenizer_that_loses_text_is_named_and_gets_no_verdict(probes, model_folders, tmp_path, caplog):
    japanese = [f"第{number}条 この法律は、国民の権利を保護することを目的とする。" * 3 for number in range(20)]
    models = {"base": model_folders["base"], "ascii": without_fallback(model_folders["base"], tmp_path / "ascii")}
    domain = {"documents": save_documents(tmp_path / "ja", japanese), "clusters": "none"}
    only = dict.fromkeys([*SMALL, "drift", "language"]) | {name: SMALL[name] for name in ("generation", "calibration")}
    made = probes(models=models, domains={"ja": domain}, **only)
    content = run(made)
    assert [(one["model"], one["domain"]) for one in read_record(made.out / "probes.json", ProbesRecord).model_dump()["lossy"]] == [("ascii", "ja")]
    assert "model ascii: on domain ja, its tokenizer loses 9" in caplog.text
    judged = [row for row in content["differences"] if content["measures"][row["measure"]]["better"]]
    assert judged and {(row["verdict"], row["adjusted_p"]) for row in judged} == {("lossy", None)}


def test_a_model_without_a_chat_template_is_skipped_with_a_note(probes):
    content = run(probes(chat={"items": 2}, **{name: None for name in (*SMALL, "drift") if name != "chat"}))
    assert content["skipped"] == [{"model": name, "probe": "chat", "why": "its tokenizer has no chat template"} for name in ("base", "adapted")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generation": {"prompt_bytes": 60, "tokens": 16}}, "generation: takes .* tokens, but the context of model base is 64; lower generation.prompt_bytes"),
        ({"copying": {"length": 40}}, "copying: takes 80 tokens, but the context of model base is 64; lower copying.length"),
        ({"in_context": {"items": 1}}, "in_context: takes .* tokens, but the context of model base is 64; lower in_context.demonstrations"),
        ({"generation": {"prompt_bytes": 5000}}, "domain general: 0 documents of .* are longer than a prompt of 5000 bytes"),
        ({"language": {"identifier": "no.bin"}}, "language.identifier: no file no.bin; give a fastText model such as lid.176.ftz, or py3langid"),
    ],
)
def test_what_does_not_fit_is_told_with_a_way_out(probes, changes, message):
    with pytest.raises(EvalError, match=message):
        run(probes(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"baseline": "x"}, "no model is called x, models are base, adapted"),
        ({"recipes": {"r": ("adapted",)}}, "noise between seeds needs two or more"),
        ({"recipes": {"r": ("adapted", "x")}}, "recipes.r: no model is called x"),
        ({"recipes": {"base": ("adapted", "base")}}, "base is also the name of a model"),
        ({"language": {"expected": {"x": "en"}}}, "language.expected: no domain is called x"),
    ],
)
def test_recipes_that_contradict_themselves_are_refused(probes, changes, message):
    with pytest.raises(ValueError, match=message):
        probes(**changes)
