from pathlib import Path

from curate.pipeline.run import run
from tests.curate.compare.copies import recipe, texts, verdicts
from tests.curate.corpus import document


def test_with_verification_nothing_goes_for_a_document_it_does_not_resemble(tmp_path: Path) -> None:
    words = document(9, 200).split()
    chain = [{"text": " ".join(words[start : start + 700])} for start in range(0, 1400, 50)]
    counts = {}
    for verify in (None, 0.8):
        out = tmp_path / str(verify)
        run(recipe(tmp_path / "in", {"a": chain}, minhash={"verify": verify}, keep="first"), out, 1)
        counts[verify] = len(texts(out))
    values = [verdict["value"] for verdict in verdicts(tmp_path / "0.8")]
    assert counts[None] == 1 and counts[0.8] > 3 and min(values) >= 0.8
