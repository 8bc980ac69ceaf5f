import pytest
from sentencepiece import SentencePieceTrainer

from tests.tokenize_tools.samples import byte_level, prose
from tokenize_tools.definition import read_definition
from tokenize_tools.errors import TokenizeError
from tokenize_tools.sentencepiece_file import looks_like_sentencepiece


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spm")
    options = {"vocab_size": 300, "model_type": request.param, "hard_vocab_limit": False, "minloglevel": 5}
    SentencePieceTrainer.train(sentence_iterator=iter(prose(1, 20)), model_prefix=str(folder / "x"), **options)
    return (folder / "x.model").read_bytes()


@pytest.mark.parametrize("name", ["tokenizer.model", "spiece.model", "spm", "vocab.bin", "model.spm", "tokenizer.json"])
def test_a_sentencepiece_model_gets_the_hint_under_any_name(tmp_path, model, name):
    (tmp_path / "notes.txt").write_text("not a model\n")
    (tmp_path / name).write_bytes(model)
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(TokenizeError, match=r"holds a SentencePiece model and no tokenizer\.json .*AutoTokenizer\.from_pretrained") as caught:
            read_definition(path)
        assert name in str(caught.value)


def test_a_tokenizer_json_beside_a_model_is_read(tmp_path, model):
    folder = byte_level(tmp_path / "bpe")
    (folder / "anything").write_bytes(model)
    assert read_definition(folder).n_vocab == 600


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n\n\n\n\n", b'{"a": 1}', b"\x0a\x0e\x0a\x05<unk>", b"\n\x20\n\x05plain text in lines\n"])
def test_other_files_are_not_taken_for_a_model(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    assert not looks_like_sentencepiece(tmp_path / "file")
    with pytest.raises(TokenizeError, match=r"no such file; give a tokenizer\.json"):
        read_definition(tmp_path)
