from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import feather

from curate.read.batch import FileFault
from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.part import FilePart
from curate.read.recipe import InputRecipe


def test_the_first_version_of_feather_is_named(tmp_path: Path) -> None:
    feather.write_feather(pa.table({"text": ["a"]}), tmp_path / "a.feather", version=1)
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / "a.feather")),))
    with pytest.raises(FileFault, match="Feather, version 1; write it again as version 2 or as Parquet"):
        list(read_part(FilePart(file)))
