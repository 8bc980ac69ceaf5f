import numpy as np
import pytest

from tests.tokenize_tools.exchange.sets import EOS, FACTS, documents
from tokenize_tools.exchange.importing import import_tokens


@pytest.mark.parametrize("form, name", [("datatrove", "a.ds"), ("olmo", "a.npy")])
def test_without_an_index_documents_end_at_the_eos_and_the_manifest_says_so(tmp_path, form, name):
    np.array([4, 5, EOS, EOS, 6, EOS, 7, 8], "<u2").tofile(tmp_path / name)
    manifest = import_tokens([tmp_path / name], form, tmp_path / "out", FACTS)
    assert documents(tmp_path / "out") == [[4, 5, EOS], [EOS], [6, EOS], [7, 8]]
    assert manifest.info["imported_from"]["files"][0]["document_ends"] == "eos id 0" and manifest.info["policy"]["eos"] is False
