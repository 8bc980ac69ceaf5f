import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.fit.kenlm import fit_kenlm
from curate.fit.recipe import KenlmFitRecipe
from curate.models.kenlm import load_kenlm
from curate.models.recipe import KenlmRecipe
from tests.curate.corpus import document, jsonl


def test_training_without_kenlms_program_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CurateError, match="fit-kenlm needs KenLM's program lmplz"):
        fit_kenlm(KenlmFitRecipe(texts=(str(tmp_path),)), tmp_path / "model")


@pytest.mark.skipif(shutil.which("lmplz") is None, reason="KenLM's lmplz is not installed")
def test_a_trained_model_finds_its_own_kind_of_text_likelier(tmp_path: Path) -> None:
    pytest.importorskip("kenlm")
    (tmp_path / "in.jsonl").write_bytes(jsonl([{"text": document(seed)} for seed in range(300)]))
    card = fit_kenlm(KenlmFitRecipe(texts=(str(tmp_path / "in.jsonl"),), order=3), tmp_path / "model")
    assert card["documents"] + card["cutoff_documents"] == 300 and card["cutoffs"][0] < card["cutoffs"][1]
    model = load_kenlm(KenlmRecipe(kind="kenlm", path=str(tmp_path / "model")))
    own, foreign = model.perplexity(pa.array([document(999), "zwei völlig andere wörter stehen hier"], pa.large_string()))
    assert own < foreign
    unseen = model.perplexity(pa.array([document(seed) for seed in range(1000, 1200)], pa.large_string()))
    shares = [model.buckets(unseen).to_pylist().count(name) / 200 for name in ("head", "middle", "tail")]
    assert shares == pytest.approx([0.3, 0.3, 0.4], abs=0.2)
