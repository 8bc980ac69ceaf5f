from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.languages.identify import load_language_model


def test_a_missing_or_wrong_model_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CurateError, match=r"lid\.bin: no such file; `curate fetch-model lid\.176\.ftz` downloads one"):
        load_language_model(str(tmp_path / "lid.bin"))
    (tmp_path / "lid.bin").write_bytes(b"no model")
    with pytest.raises(CurateError, match="not a fastText model"):
        load_language_model(str(tmp_path / "lid.bin"))
