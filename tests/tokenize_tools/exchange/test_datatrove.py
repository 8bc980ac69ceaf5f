import numpy as np
import pytest

from tests.tokenize_tools.exchange.sets import check_damage_is_refused, documents, tokens_set
from tokenize_tools.exchange.exporting import export


@pytest.mark.parametrize("id_bytes", [2, 4])
def test_our_datatrove_files_equal_those_of_its_writer(tmp_path, id_bytes):
    tokenizer = pytest.importorskip("datatrove.pipeline.tokens.tokenizer")
    tokens = tokens_set(tmp_path / "tokens", rows_per_file=1 << 20, id_bytes=id_bytes)
    name = {2: "bpe", 4: "wide"}[id_bytes]
    theirs = tokenizer.TokenizedFile(str(tmp_path / "theirs"), "00000_tokens.ds", tokenizer_name_or_path=name, save_final_metadata=True, token_size=id_bytes)
    for ids in documents(tokens):
        theirs.write(ids, None)
    theirs.close()
    export(tokens, "datatrove", tmp_path / "out")
    for path in (tmp_path / "theirs").iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("n_tokens", [1, 12, 999, 1000, 12_345, 999_999, 1_000_000, 123_456_789, 15 * 10**12])
def test_the_readable_count_equals_that_of_datatrove(n_tokens):
    humanize = pytest.importorskip("humanize")
    from tokenize_tools.exchange.datatrove import _for_people

    assert _for_people(n_tokens) == humanize.metric(n_tokens, unit="T")


def test_datatroves_reader_finds_our_tokens_and_documents(tmp_path):
    dataset = pytest.importorskip("datatrove.utils.dataset")
    pytest.importorskip("torch")
    tokens = tokens_set(tmp_path / "tokens", [5, 3, 8, 4, 4], rows_per_file=1 << 20)
    export(tokens, "datatrove", tmp_path / "out")
    read = dataset.DatatroveFileDataset(str(tmp_path / "out" / "00000_tokens.ds"), seq_len=7, token_size=2, return_positions=True)
    flat = np.concatenate(documents(tokens))
    positions = np.concatenate([np.arange(length) for length in (5, 3, 8, 4, 4)])
    assert [read[item]["input_ids"].tolist() for item in range(3)] == flat.reshape(3, 8).tolist()
    assert read[0]["positions"].tolist() == positions[:8].tolist()


@pytest.mark.parametrize(
    "name, change, message",
    [
        ("00000_tokens.ds", lambda raw: raw[:-2], "but its metadata says"),
        ("00000_tokens.ds", lambda raw: raw[:-1], "not a whole number"),
        ("00000_tokens.ds.index", lambda raw: raw[:-8], r"documents end at token .*, but 00000_tokens\.ds has"),
        ("00000_tokens.ds.index", lambda raw: raw[8:16] + raw[:8] + raw[16:], "do not follow one another"),
        ("00000_tokens.ds.metadata", lambda raw: b"gpt2", "not datatrove's metadata"),
        ("00000_tokens.ds.metadata", lambda raw: raw.replace(b"|2", b"|3"), "3 bytes per id"),
    ],
)
def test_a_damaged_file_without_a_note_is_refused_in_one_line_and_no_set_is_left(tmp_path, name, change, message):
    check_damage_is_refused(tmp_path, "datatrove", name, change, message)
