import pytest

from tests.tokenize_tools.samples import byte_level, documents_set, prose, reference_ids
from tokenize_tools import backends
from tokenize_tools.backends import build
from tokenize_tools.definition import read_definition
from tokenize_tools.encode import EncodeTask, Encoding, run_task
from tokenize_tools.errors import TokenizeError


class PanicException(BaseException):
    """As PyO3 raises for a panic in Rust: not an Exception."""


@pytest.fixture
def panics(monkeypatch):
    """Makes the libraries named panic on every document."""

    def make(_definition):
        def encode_none(_texts):
            raise PanicException("byte index 3 is not\na char boundary")

        return encode_none

    def break_libraries(*names):
        for name in names:
            monkeypatch.setattr(backends, f"_{name}", make)
        build.cache_clear()

    yield break_libraries
    build.cache_clear()


def a_task(tmp_path, texts):
    file = next(documents_set(tmp_path / "documents", texts).glob("*.arrow"))
    return EncodeTask(0, file, 0, 1, tmp_path / "work", Encoding(read_definition(byte_level(tmp_path / "bpe")), "gigatoken", None, None, 1 << 20, 10_000))


def test_a_library_that_panics_on_a_document_leaves_the_task_to_the_reference(tmp_path, panics):
    texts = prose(4, 5)
    task = a_task(tmp_path, texts)
    panics("gigatoken")
    info = run_task(task)
    assert info["differs"] == 1
    assert info["n_tokens"] == sum(len(reference_ids(tmp_path / "bpe", text)) for text in texts)


def test_a_panic_of_the_reference_is_reported_in_one_line(tmp_path, panics):
    task = a_task(tmp_path, prose(4, 5))
    panics("gigatoken", "reference")
    with pytest.raises(TokenizeError, match=r"^tokenizers panicked \(byte index 3 is not a char boundary\); save the tokenizer again"):
        run_task(task)
