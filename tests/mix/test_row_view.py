import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from mix.build import build
from mix.row_view import inspect_row
from mix.stream import open_mix
from tests.mix.conftest import WORDS


@pytest.fixture
def mix(tmp_path, texts, two_sources):
    stages = [{"tokens": 1500, "weights": {"web": 1}}]
    build(two_sources(sources={"web": {"tokens": tmp_path / "tokens" / "web"}}, stages=stages, out=tmp_path / "mixes" / "one"))
    return open_mix(tmp_path / "mixes" / "one")


@pytest.fixture
def tokenizer(tmp_path):
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, WORDS[0]))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_every_segment_is_followed_to_the_file_its_text_was_read_from(tmp_path, mix, texts, tokenizer):
    seen = 0
    for row in range(mix.n_rows):
        view = inspect_row(mix.folder, row, tokenizer)
        assert view["tokens"] + view["padding"] == 64 and not view["not_found"]
        for segment in view["segments"]:
            origin = segment["read_from"][0]
            words = texts[origin["row"]].split()
            assert segment["text"].split() == words[segment["from_token"] : segment["from_token"] + segment["tokens"]]
            assert origin["file"] == f"in/{origin['row'] % 4}.txt" and origin["documents"] == str(tmp_path / "docs" / "web")
            assert len(segment["read_from"]) == (2 if origin["row"] == 0 else 1)
            seen += 1
    assert seen > mix.n_rows
