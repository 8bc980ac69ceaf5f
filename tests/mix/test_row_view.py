import pyarrow as pa
import pytest
import xxhash
from tokenizers import Tokenizer, models, pre_tokenizers

from mix.build import build
from mix.errors import MixError
from mix.row_view import inspect_row
from mix.stream import open_mix
from shards.read import ShardSet
from shards.schemas import DOCUMENTS, tokens_schema
from shards.write import write_set
from tests.mix.conftest import INFO

WORDS = [f"w{number}" for number in range(500)]


@pytest.fixture
def texts(tmp_path, monkeypatch) -> list[str]:
    """Texts of a documents set `docs/web`, tokenized into `tokens/web` as its child; text 0 was read twice. Unlike any other test's."""
    monkeypatch.chdir(tmp_path)
    texts = [" ".join(WORDS[first : first + 7 + first % 90]) for first in range(0, 300, 3)]
    rows = [{"id": xxhash.xxh3_128_digest(text.encode()), "text": text, "file": f"in/{number % 4}.txt", "row": number} for number, text in enumerate(texts)]
    rows.append(rows[0] | {"file": "copy.txt", "row": 9})
    batch = pa.RecordBatch.from_pylist([{"source": "web", "language": "en", "url": "", "metadata": str(tmp_path)} | row for row in rows], schema=DOCUMENTS)
    write_set(tmp_path / "docs" / "web", "documents", DOCUMENTS, [batch])
    ids = [{"doc_id": row["id"], "tokens": [WORDS.index(word) for word in row["text"].split()], "n_bytes": 1, "source": "web"} for row in rows[:-1]]
    parent = ShardSet(tmp_path / "docs" / "web").parent("web")
    tokens = [pa.RecordBatch.from_pylist(ids, schema=tokens_schema(2))]
    write_set(tmp_path / "tokens" / "web", "tokens", tokens_schema(2), tokens, info=INFO, parents=(parent,), compression=None, token_column="tokens")
    return texts


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


def test_documents_that_moved_away_are_found_where_one_says(tmp_path, mix, texts):
    (tmp_path / "docs").rename(tmp_path / ".hidden")
    view = inspect_row(mix.folder, 0, None)
    assert all(not segment["read_from"] and segment["text"] is None for segment in view["segments"])
    assert len(view["not_found"]) == 1 and view["not_found"][0].startswith("documents set ")
    found = inspect_row(mix.folder, 0, None, [tmp_path / ".hidden" / "web"])
    assert all(segment["read_from"] for segment in found["segments"]) and not found["not_found"]
    with pytest.raises(MixError, match="a set of tokens, expected documents"):
        inspect_row(mix.folder, 0, None, [tmp_path / "tokens" / "web"])
