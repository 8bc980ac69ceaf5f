import pytest

from shards.errors import CptkitError
from tests.tokenize_tools.samples import documents_set, prose
from tokenize_tools.texts import open_documents, sample_batches


def test_a_sample_has_about_the_requested_size_and_is_independent_of_order(tmp_path):
    texts = prose(0, 400)
    some = open_documents(documents_set(tmp_path / "some", texts))
    reversed_ = open_documents(documents_set(tmp_path / "reversed", texts[::-1]))
    total = sum(len(text.encode()) for text in texts)
    samples = [[text for batch in sample_batches([one], total // 4, ["text"]) for text in batch.column("text").to_pylist()] for one in (some, reversed_)]
    assert samples[0] == samples[1][::-1]
    assert 0.15 < sum(len(text.encode()) for text in samples[0]) / total < 0.35
    assert sum(batch.num_rows for batch in sample_batches([some], total, ["text"])) == 400


def test_a_damaged_document_file_is_named(tmp_path):
    documents = documents_set(tmp_path / "documents", prose(0, 30))
    path = sorted(documents.glob("*.arrow"))[1]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(CptkitError, match=path.name):
        open_documents(documents)
