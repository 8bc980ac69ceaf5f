import pyarrow as pa
import pytest

from tests.tokenize_tools.samples import byte_level, documents_set, prose
from tokenize_tools.errors import TokenizeError
from tokenize_tools.fertility_report import compare
from tokenize_tools.parity import parallel_keys


def test_parity_compares_translations_of_the_same_texts_only(tmp_path):
    english, double = prose(0, 12), [f"{text} {text}" for text in prose(0, 12)]
    sets = [
        documents_set(tmp_path / "en", english, language="en", rows=range(12)),
        documents_set(tmp_path / "xx", double[:10], language="xx", rows=range(10)),
        documents_set(tmp_path / "yy", ["alone"], language="yy", rows=[99]),
    ]
    (parity,) = compare(sets, [byte_level(tmp_path / "bpe")], 1, seed=0, parallel_by="row").parity
    assert (parity.language, parity.base, parity.n_texts) == ("xx", "en", 10)
    assert abs(parity.relative_tokens.estimate - 2) < 0.02 and parity.relative_tokens.low <= parity.relative_tokens.estimate <= parity.relative_tokens.high
    assert parity.relative_bytes.estimate == sum(len(text.encode()) for text in double[:10]) / sum(len(text.encode()) for text in english[:10])


def test_translations_are_found_by_row_by_file_name_or_by_metadata():
    columns = {"row": [3, 4], "file": ["de/a/start.md", "end.md"], "metadata": ['{"id": 7}', ""]}
    batch = pa.record_batch({name: pa.array(values) for name, values in columns.items()})
    assert parallel_keys(batch, "row") == ["3", "4"]
    assert parallel_keys(batch, "file") == ["start.md", "end.md"]
    assert parallel_keys(batch, "metadata.id") == ["7", ""]
    with pytest.raises(TokenizeError, match=r"--parallel-by id: unknown; give row, file or metadata\.NAME"):
        parallel_keys(batch, "id")


def test_a_missing_base_language_is_refused_with_the_languages_present(tmp_path):
    documents = documents_set(tmp_path / "d", prose(0, 3), language="sw")
    with pytest.raises(TokenizeError, match="--parallel-base en: no parallel text in that language; there is text in sw"):
        compare([documents], [byte_level(tmp_path / "bpe")], 1, seed=0, parallel_by="row")
