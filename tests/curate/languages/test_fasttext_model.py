import subprocess
import sys
from pathlib import Path

from curate.languages.identify import load_language_model
from tests.curate.languages.texts import TEXTS, large


def test_any_fasttext_model_works_and_keeps_its_own_labels(tmp_path: Path) -> None:
    lines = [f"__label__{label} {text}" for label, key in (("eng_Latn", "en"), ("deu_Latn", "de")) for text in [TEXTS[key]] * 50]
    (tmp_path / "train.txt").write_text("\n".join(lines))
    program = f"import fasttext; fasttext.train_supervised('{tmp_path}/train.txt', epoch=20, thread=1, dim=8, verbose=0).save_model('{tmp_path}/lid.bin')"
    subprocess.run([sys.executable, "-c", program], check=True)
    found = load_language_model(str(tmp_path / "lid.bin")).identify(large([TEXTS["de"].replace(" ", "\n"), TEXTS["en"]]))
    assert found.code.to_pylist() == ["deu_Latn", "eng_Latn"] and ((found.score > 0.5) & (found.score <= 1)).all()
