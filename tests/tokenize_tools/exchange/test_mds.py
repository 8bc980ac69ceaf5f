from itertools import pairwise

import numpy as np
import pytest

from tests.tokenize_tools.exchange.readers import read_mds
from tests.tokenize_tools.exchange.sets import column, documents, tokens_set
from tokenize_tools.exchange.exporting import export


def test_samples_have_the_ids_and_sources_of_documents(tmp_path):
    tokens = tokens_set(tmp_path / "tokens")
    export(tokens, "mds", tmp_path / "mds")
    expected = [(doc_id.hex(), source) for doc_id, source in zip(column(tokens, "doc_id"), column(tokens, "source"), strict=True)]
    assert [(name, source) for name, source, _ in read_mds(tmp_path / "mds")] == expected


@pytest.mark.parametrize("id_bytes", [2, 4])
def test_streaming_reads_our_samples(tmp_path, id_bytes):
    streaming = pytest.importorskip("streaming", exc_type=ImportError)
    tokens = tokens_set(tmp_path / "tokens", id_bytes=id_bytes)
    export(tokens, "mds", tmp_path / "out")
    dataset = streaming.LocalDataset(str(tmp_path / "out"))
    assert [dataset[item]["tokens"].tolist() for item in range(len(dataset))] == documents(tokens)
    ends = np.cumsum([len(dataset[item]["tokens"]) for item in range(len(dataset))])
    assert all(low < high for low, high in pairwise(ends.tolist())) and dataset[1]["source"] == 'law, "old"'
