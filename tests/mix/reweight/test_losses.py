import json
import math

import pytest

from mix.errors import MixError
from mix.reweight.losses import read_losses
from shards.record import sealed


def test_losses_of_training_are_averaged_over_the_last_steps_by_tokens(tmp_path):
    lines = [
        {"loss_by_source": {"web": 9.0, "law": 9.0}, "tokens_by_source": {"web": 1, "law": 1}},
        {"loss_by_source": {"web": 2.0}, "tokens_by_source": {"web": 30, "law": 0}},
        {"loss_by_source": {"web": 4.0, "law": 5.0}, "tokens_by_source": {"web": 10, "law": 7}},
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    steps, now = read_losses(tmp_path / "metrics.jsonl", ["web", "law"], 2, None)
    assert now == pytest.approx([2.5, 5.0]) and steps.shape == (3, 2) and math.isnan(steps[1, 1])
    with pytest.raises(MixError, match=r"no loss of art in its last 2 steps"):
        read_losses(tmp_path / "metrics.jsonl", ["web", "art"], 2, None)


def test_losses_of_an_evaluation_are_those_of_one_model_in_nats_per_byte(tmp_path):
    scores = [{"model": model, "domain": domain, "bits_per_byte": bits} for model, domain, bits in [("a", "web", 1.0), ("a", "law", 2.0), ("b", "web", 3.0)]]
    (tmp_path / "summary.json").write_bytes(sealed({"scores": scores}))
    assert read_losses(tmp_path / "summary.json", ["law", "web"], 1, "a")[1] == pytest.approx([2 * math.log(2), math.log(2)])
    (tmp_path / "lossy.json").write_bytes(sealed({"scores": [scores[0], scores[1] | {"lossy": True}]}))
    with pytest.raises(MixError, match="no loss of law"):  # the tokenizer loses text of it, which costs no bits
        read_losses(tmp_path / "lossy.json", ["law", "web"], 1, "a")
    with pytest.raises(MixError, match="scores of a, b; choose one with --model"):
        read_losses(tmp_path / "summary.json", ["web"], 1, None)
    with pytest.raises(MixError, match="no scores of c; it has a, b"):
        read_losses(tmp_path / "summary.json", ["web"], 1, "c")


@pytest.mark.parametrize("content", ["nonsense", "[1]", '{"web": "high"}'])
def test_files_without_losses_are_refused(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(MixError, match=r"x\.json: no losses by source"):
        read_losses(tmp_path / "x.json", ["web"], 1, None)


def test_losses_of_a_run_come_from_a_table_of_runs(tmp_path):
    lines = ["run,step,share.web,share.law,loss.web,loss.law", "base,0,,,2.5,4.0", "b,20,0.5,0.5,2.0,3.0", "a,20,0.9,0.1,2.2,3.5", "b,10,0.5,0.5,2.1,3.4"]
    (tmp_path / "runs.csv").write_text("\n".join(lines) + "\n")
    steps, now = read_losses(tmp_path / "runs.csv", ["law", "web"], 1, "b")
    assert steps.tolist() == [[3.4, 2.1], [3.0, 2.0]] and now.tolist() == [3.0, 2.0]
    assert read_losses(tmp_path / "runs.csv", ["law", "web"], 1, "base")[1].tolist() == [4.0, 2.5]
    (tmp_path / "bits.csv").write_text((tmp_path / "runs.csv").read_text().replace("loss.", "bits."))
    assert read_losses(tmp_path / "bits.csv", ["web"], 1, "b")[1] == pytest.approx([2 * math.log(2)])
    for model, words in ((None, "3 runs; choose one with --model"), ("c", "no run c; it has base, b, a")):
        with pytest.raises(MixError, match=words):
            read_losses(tmp_path / "runs.csv", ["law", "web"], 1, model)
    with pytest.raises(MixError, match="no loss of art"):
        read_losses(tmp_path / "runs.csv", ["art"], 1, "b")
