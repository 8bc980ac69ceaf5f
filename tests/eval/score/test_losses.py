import json
import shutil

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from eval.errors import EvalError
from eval.models import ModelFolder
from eval.run import run
from shards.read import ShardSet
from tests.eval.conftest import DOMAIN, save_documents

JAPANESE = [f"第{number}条 この法律は、国民の権利を保護することを目的とする。" * 3 for number in range(20)]


def without_fallback(base, folder):
    """The model `base` with a tokenizer of ASCII characters: others become unknown tokens."""
    shutil.copytree(base, folder)
    names = ["<unk>", "<s>", "</s>", "▁", *(chr(point) for point in range(33, 127))]
    tokenizer = Tokenizer(models.BPE({name: number for number, name in enumerate(names)}, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    names_ = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names_))
    return folder


@pytest.fixture
def lossy(recipe, model_folders, tmp_path):
    models = {"base": model_folders["base"], "ascii": without_fallback(model_folders["base"], tmp_path / "ascii")}
    domains = {
        "ja": {"documents": save_documents(tmp_path / "ja", JAPANESE), "clusters": "none"},
        "code": {"documents": save_documents(tmp_path / "code", [text.replace("\n", " ") for text in DOMAIN]), "clusters": "none"},
    }
    return lambda **changes: recipe(models=models, domains=domains, **changes)


def test_a_model_whose_tokenizer_loses_text_is_refused_with_the_share_and_an_example_before_anything_is_scored(lossy, monkeypatch):
    monkeypatch.setattr("eval.run.load_model", None)
    with pytest.raises(
        EvalError, match=r"model ascii: on domain ja, its tokenizer loses 9\d\.\d\d% of the bytes \(9\d.* unknown tokens; '第.*allow_lossy: true"
    ):
        run(lossy())


def test_with_allow_lossy_it_is_scored_without_a_verdict_and_other_domains_keep_theirs(lossy):
    made = lossy(allow_lossy=True)
    summary = run(made)
    verdicts = {row["domain"]: row["verdict"] for row in summary["differences"]}
    assert verdicts["ja"] == "lossy" and verdicts["code"] in ("better", "worse", "undetectable")
    scores = {(row["model"], row["domain"]): row for row in summary["scores"]}
    assert scores["ascii", "ja"]["lossy"] and scores["ascii", "ja"]["unk_bytes"] > 0.9 * scores["ascii", "ja"]["bytes"]
    assert not scores["ascii", "code"]["lossy"] and scores["base", "ja"]["lost_bytes"] == 0
    table = ShardSet(made.out, "scores").to_table().to_pylist()
    assert sum(row["unk_bytes"] for row in table) == scores["ascii", "ja"]["unk_bytes"]


def test_a_limit_of_ones_own_lets_it_be_judged(lossy):
    assert {row["verdict"] for row in run(lossy(max_lost=1.0))["differences"]} <= {"better", "worse", "undetectable"}


def test_the_loss_is_measured_once_for_models_with_one_tokenizer(recipe, monkeypatch):
    made = recipe()
    run(made)
    monkeypatch.setattr("eval.score.losses.ModelTokenizer", None)
    run(made)
    base, adapted = (ModelFolder(name, path) for name, path in made.models.items())
    assert base.encoding_checksum == adapted.encoding_checksum and base.checksum != adapted.checksum
