"""Our exports read by the programs that they are for, and their files read by us; each where its package is installed."""

import warnings
from itertools import pairwise

import numpy as np
import pytest

from tests.tokenize_tools.exchange.sets import EOS, FACTS, documents, tokens_set
from tokenize_tools.exchange.exporting import export
from tokenize_tools.exchange.importing import import_tokens


@pytest.fixture
def tokens(tmp_path):
    return tokens_set(tmp_path / "tokens")


def megatron():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("megatron.core.datasets.indexed_dataset", exc_type=ImportError)


@pytest.mark.parametrize("id_bytes", [2, 4])
def test_megatron_reads_our_export(tmp_path, id_bytes):
    indexed = megatron()
    tokens = tokens_set(tmp_path / "tokens", id_bytes=id_bytes)
    export(tokens, "megatron", tmp_path / "out")
    dataset = indexed.IndexedDataset(str(tmp_path / "out" / "tokens"))
    assert [ids.tolist() for ids in dataset[: len(dataset)]] == documents(tokens)
    assert dataset.document_indices.tolist() == list(range(len(dataset) + 1))


def test_our_megatron_files_are_those_of_its_own_builder(tmp_path, tokens):
    indexed = megatron()
    import torch

    builder = indexed.IndexedDatasetBuilder(str(tmp_path / "tokens.bin"), dtype=np.uint16)
    for ids in documents(tokens):
        builder.add_document(torch.tensor(ids), [len(ids)])
    builder.finalize(str(tmp_path / "tokens.idx"))
    export(tokens, "megatron", tmp_path / "out")
    for name in ("tokens.bin", "tokens.idx"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / name).read_bytes()
    import_tokens([tmp_path / "tokens"], "megatron", tmp_path / "back", FACTS)
    assert documents(tmp_path / "back") == documents(tokens)


@pytest.mark.parametrize("id_bytes", [2, 4])
def test_our_datatrove_files_are_those_of_its_own_writer(tmp_path, id_bytes):
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
def test_the_count_for_people_is_that_of_datatrove(n_tokens):
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


def test_olmo_core_finds_our_documents_by_index_and_by_eos(tmp_path, tokens):
    utils = pytest.importorskip("olmo_core.data.utils", exc_type=ImportError)
    export(tokens, "olmo", tmp_path / "out")
    by_index, by_eos = [], []
    for path in sorted((tmp_path / "out").glob("*.npy")):
        ids = np.memmap(path, np.uint16, "r")
        by_index += [ids[a:b].tolist() for a, b in utils.iter_document_indices(path, use_array_if_local=False, dtype=np.uint16)]
        by_eos += [ids[a:b].tolist() for a, b in utils.iter_document_indices(path, eos_token_id=EOS, dtype=np.uint16)]
    assert by_index == by_eos == documents(tokens)


@pytest.mark.parametrize("id_bytes", [2, 4])
def test_litdata_streams_our_tokens(tmp_path, id_bytes):
    litdata = pytest.importorskip("litdata", exc_type=ImportError)
    tokens = tokens_set(tmp_path / "tokens", [5, 3, 8, 4, 4], id_bytes=id_bytes)
    export(tokens, "litdata", tmp_path / "out")
    dataset = litdata.StreamingDataset(str(tmp_path / "out"), item_loader=litdata.TokensLoader(block_size=8), shuffle=False)
    read = [dataset[item].tolist() for item in range(len(dataset))]
    assert read == np.concatenate(documents(tokens)).reshape(3, 8).tolist()


@pytest.mark.parametrize("id_bytes", [2, 4])
def test_streaming_reads_our_samples(tmp_path, id_bytes):
    streaming = pytest.importorskip("streaming", exc_type=ImportError)
    tokens = tokens_set(tmp_path / "tokens", id_bytes=id_bytes)
    export(tokens, "mds", tmp_path / "out")
    dataset = streaming.LocalDataset(str(tmp_path / "out"))
    assert [dataset[item]["tokens"].tolist() for item in range(len(dataset))] == documents(tokens)
    ends = np.cumsum([len(dataset[item]["tokens"]) for item in range(len(dataset))])
    assert all(low < high for low, high in pairwise(ends.tolist())) and dataset[1]["source"] == 'law, "old"'
