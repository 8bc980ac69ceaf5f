from pathlib import Path

from mix.runs.outputs import Evaluation, SummaryFacts


def test_scores_of_text_that_the_tokenizer_loses_are_no_losses():
    scores = [{"model": "a", "domain": domain, "bits_per_byte": bits, "lossy": bits < 1} for domain, bits in (("law", 1.5), ("ja", 0.4))]
    facts = SummaryFacts.model_validate({"baseline": "a", "models": {"a": {"checksum": "a" * 32}}, "scores": scores})
    assert Evaluation(Path(), facts).losses("a") == {"law": 1.5}
