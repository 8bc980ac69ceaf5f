from pathlib import Path

import pytest

from curate.decontaminate.index import build_index, load_names, save_index
from curate.errors import CurateError


def test_names_of_evaluation_items_are_what_was_written_or_refused(tmp_path: Path) -> None:
    index, names = build_index([], 13, 8)
    save_index(tmp_path / "index", index, names)
    assert load_names(tmp_path / "index") == names
    path = tmp_path / "index" / "names.json"
    path.write_bytes(path.read_bytes().replace(b"places", b"placed"))
    with pytest.raises(CurateError, match=r"names\.json: damaged or edited by hand.*delete .*/index and rerun"):
        load_names(tmp_path / "index")
