import pyarrow as pa
import pytest

from tests.tokenize_tools.samples import ODD, byte_fallback, byte_level, prose, reference_ids
from tokenize_tools import backends
from tokenize_tools.backends import build
from tokenize_tools.definition import read_definition
from tokenize_tools.errors import TokenizeError
from tokenize_tools.probe import FAST

TOKENIZERS = {"byte-level": byte_level, "byte-fallback": byte_fallback}


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("name", ["tokenizers", *FAST])
def test_every_backend_gives_the_ids_of_the_reference_and_special_tokens_in_text_are_text(tmp_path, kind, name):
    folder = TOKENIZERS[kind](tmp_path / kind)
    texts = [*ODD, *prose(3, 20)]
    ids = build(name, read_definition(folder)).encode(pa.array(["skip", *texts], pa.large_string())[1:])
    for index, text in enumerate(texts):
        assert ids.document(index).tolist() == reference_ids(folder, text)
    assert 0 not in ids.document(ODD.index("<|endoftext|>"))


@pytest.mark.usefixtures("fresh_backends")
def test_a_backend_that_is_not_installed_is_named_with_what_to_install(tmp_path, monkeypatch):
    def missing(_definition):
        raise ImportError("No module named 'fastokens'")

    monkeypatch.setattr(backends, "_fastokens", missing)
    with pytest.raises(TokenizeError, match=r"fastokens is not installed .*; install cptkit\[tokenize\]"):
        build("fastokens", read_definition(byte_level(tmp_path / "bpe")))
