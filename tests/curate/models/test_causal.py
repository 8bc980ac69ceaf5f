import json
import math
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.models.causal import CausalScorer, causal_files, windows
from curate.models.recipe import CausalRecipe
from tests.curate.corpus import document
from tests.eval.conftest import save_model

TEXTS = ["", "a", "Short.", "Ünï 中文 🙂", document(1, 2), document(2, 4), "</s> is text"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Untrained byte-level models of a context of 64, without and with a beginning-of-text token."""
    home = tmp_path_factory.mktemp("models")
    return {with_bos: save_model(home / str(with_bos), 0, with_bos=with_bos) for with_bos in (False, True)}


def column(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


@pytest.mark.parametrize("with_bos", [False, True])
def test_nats_are_those_of_one_pass_where_a_text_fits_the_context(folders: dict[bool, Path], with_bos: bool) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = CausalScorer(CausalRecipe(kind="causal_lm", path=str(folders[with_bos]), device="cpu"))
    network = AutoModelForCausalLM.from_pretrained(folders[with_bos])
    text = "Ünï 中文 a"
    ids = ([256] if with_bos else []) + model._tokenizer(text, add_special_tokens=False).input_ids
    with torch.inference_mode():
        logs = network(torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
    expected = -sum(float(logs[place, token]) for place, token in enumerate(ids[1:])) + (0 if with_bos else math.log(258))
    (nats,), (n_tokens,) = model.nats([text])
    assert nats == pytest.approx(expected, rel=1e-5) and n_tokens == len(ids) - with_bos
    assert model.perplexity(column([text])) == pytest.approx([math.exp(expected / n_tokens)], rel=1e-4)
    assert model.bits_per_byte(column([text])) == pytest.approx([expected / len(text.encode()) / math.log(2)], rel=1e-5)


@pytest.mark.parametrize("with_bos", [False, True])
def test_scores_equal_those_of_evaluate(folders: dict[bool, Path], with_bos: bool) -> None:
    from eval.models import ModelFolder, ModelTokenizer, load_model
    from eval.score.nats import score_documents

    folder = ModelFolder("base", folders[with_bos])
    tokenizer = ModelTokenizer(folder)
    settings = {"context_tokens": 32, "stride_tokens": 12, "batch_tokens": 100}
    model, texts = load_model(folder, "float32", "cpu"), tokenizer.encode(TEXTS)
    expected = score_documents(model, texts, bos_id=tokenizer.bos_id, n_vocab=tokenizer.n_vocab, **settings).nats
    scorer = CausalScorer(CausalRecipe(kind="causal_lm", path=str(folders[with_bos]), device="cpu", **settings))
    assert scorer.nats(TEXTS)[0] == pytest.approx(expected, rel=1e-6)


def test_every_token_is_predicted_once_with_half_a_window_before_it() -> None:
    for n_tokens in (0, 1, 2, 9, 10, 11, 40):
        seen: list[int] = []
        for one in windows([n_tokens], 10, 5):
            assert one.stop - one.start <= 10
            assert one.start == 0 or one.first - one.start >= 5
            seen += range(one.first, one.stop + 1)
        assert seen == list(range(1, n_tokens))


def test_only_the_head_of_a_document_is_scored_if_asked_for(folders: dict[bool, Path]) -> None:
    whole = CausalScorer(CausalRecipe(kind="causal_lm", path=str(folders[True]), device="cpu"))
    head = CausalScorer(CausalRecipe(kind="causal_lm", path=str(folders[True]), device="cpu", first_bytes=8))  # cuts the second byte of 中
    assert head.bits_per_byte(column(["Ünï 中文 and more"]))[0] == pytest.approx(whole.bits_per_byte(column(["Ünï "]))[0], rel=1e-5)


def test_empty_text_has_no_bits_per_byte(folders: dict[bool, Path]) -> None:
    model = CausalScorer(CausalRecipe(kind="causal_lm", path=str(folders[False]), device="cpu"))
    assert np.isnan(model.bits_per_byte(column(["", "a"]))).tolist() == [True, False]
    assert len(model.bits_per_byte(column([]))) == 0


def test_a_folder_that_is_no_model_and_a_context_too_long_are_refused(folders: dict[bool, Path], tmp_path: Path) -> None:
    with pytest.raises(CurateError, match=r"no config\.json in it; give the folder of a Hugging Face model"):
        causal_files(CausalRecipe(kind="causal_lm", path=str(tmp_path)))
    with pytest.raises(CurateError, match="holds 64 tokens, context_tokens is 65"):
        CausalScorer(CausalRecipe(kind="causal_lm", path=str(folders[True]), context_tokens=65))
    with pytest.raises(CurateError, match="tokens would be skipped"):
        CausalScorer(CausalRecipe(kind="causal_lm", path=str(folders[True]), context_tokens=8, stride_tokens=9))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CurateError, match="transformers cannot load it"):
        CausalScorer(CausalRecipe(kind="causal_lm", path=str(tmp_path)))


def test_a_tokenizer_that_loses_text_is_warned_of_once(folders: dict[bool, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copytree(folders[False], tmp_path / "lower")
    tokenizer = json.loads((tmp_path / "lower" / "tokenizer.json").read_text()) | {"normalizer": {"type": "Lowercase"}}
    (tmp_path / "lower" / "tokenizer.json").write_text(json.dumps(tokenizer))
    scorers = [CausalScorer(CausalRecipe(kind="causal_lm", path=str(path), device="cpu")) for path in (folders[False], tmp_path / "lower")]
    for scorer in scorers:
        scorer.nats(["LOUD text"])
        scorer.nats(["LOUD text"])
    assert [message for message in caplog.messages if "loses" in message] == [
        f"causal model {tmp_path / 'lower'}: its tokenizer loses 44.44% of the bytes (0.00% are unknown tokens; 'LOUD text' becomes 'loud text'), "
        "which cost no bits: scores of such documents are too low"
    ]
