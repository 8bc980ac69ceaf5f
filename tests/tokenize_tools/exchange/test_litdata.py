import numpy as np
import pytest

from tests.tokenize_tools.exchange.sets import documents, tokens_set
from tokenize_tools.exchange.exporting import export


@pytest.mark.parametrize("id_bytes", [2, 4])
def test_litdata_streams_our_tokens(tmp_path, id_bytes):
    litdata = pytest.importorskip("litdata", exc_type=ImportError)
    tokens = tokens_set(tmp_path / "tokens", [5, 3, 8, 4, 4], id_bytes=id_bytes)
    export(tokens, "litdata", tmp_path / "out")
    dataset = litdata.StreamingDataset(str(tmp_path / "out"), item_loader=litdata.TokensLoader(block_size=8), shuffle=False)
    read = [dataset[item].tolist() for item in range(len(dataset))]
    assert read == np.concatenate(documents(tokens)).reshape(3, 8).tolist()
