import math

import pyarrow as pa
import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from shards.held_out import DomainRecipe
from shards.schemas import DOCUMENTS
from shards.write import write_set
from tests.train.parts import tiny_model, tiny_network, write_tokenizer
from train.devices.world import World
from train.errors import TrainError
from train.watch.validate import Validation

ALONE = World(torch.device("cpu"))


def write_documents(folder, texts):
    rows = [{"id": bytes([number] * 16), "text": text} for number, text in enumerate(texts)]
    write_set(folder, "documents", DOCUMENTS, pa.Table.from_pylist(rows, schema=DOCUMENTS).to_batches())
    return folder


def sentence(first, n_words):
    return " ".join(f"w{2 + (first + 7 * number) % 90}" for number in range(n_words))


def slow(text, start):
    """Nats of a document that fits a row, one forward pass."""
    ids = torch.tensor([start + [int(word[1:]) for word in text.split()]])
    with torch.no_grad():
        return float(F.cross_entropy(tiny_network()(ids).logits[0, :-1], ids[0, 1:], reduction="sum"))


@pytest.mark.parametrize("begins", [False, True])
def test_bits_per_byte_are_nats_over_bytes_of_each_domain(tmp_path, begins):
    tokenizer = write_tokenizer(tmp_path / "tokenizer")
    if begins:
        encoder = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
        encoder.post_processor = TemplateProcessing(single="<end> $A", special_tokens=[("<end>", 0)])
        encoder.save(str(tokenizer / "tokenizer.json"))
    texts = {"law": [sentence(1, 12), sentence(5, 40), sentence(9, 3)], "code": [sentence(2, 30)]}
    domains = {name: DomainRecipe(documents=write_documents(tmp_path / name, documents)) for name, documents in texts.items()}
    found = Validation(domains, tokenizer, 48, ALONE, 3).bits_per_byte(tiny_model())
    for name, documents in texts.items():
        nats = sum(slow(text, [0] if begins else []) for text in documents)
        assert found[name] == pytest.approx(nats / sum(len(text.encode()) for text in documents) / math.log(2), rel=1e-5)


def test_a_document_longer_than_a_row_is_predicted_once_and_whole(tmp_path):
    long = sentence(1, 130)
    validation = Validation(
        {"long": DomainRecipe(documents=write_documents(tmp_path / "d", [long]), max_documents=10)}, write_tokenizer(tmp_path / "t"), 48, ALONE, 3
    )
    assert sum(batch.n_targets for batch in validation._batches) == 129


def test_only_the_first_documents_count(tmp_path):
    texts = [sentence(number, 10) for number in range(5)]
    tokenizer, model = write_tokenizer(tmp_path / "t"), tiny_model()
    some = Validation({"d": DomainRecipe(documents=write_documents(tmp_path / "five", texts), max_documents=2)}, tokenizer, 48, ALONE, 3).bits_per_byte(model)
    assert some == Validation(
        {"d": DomainRecipe(documents=write_documents(tmp_path / "two", texts[:2]), max_documents=9)}, tokenizer, 48, ALONE, 3
    ).bits_per_byte(model)


def test_a_domain_without_text_and_a_model_without_tokenizer_are_named(tmp_path):
    tokenizer = write_tokenizer(tmp_path / "t")
    with pytest.raises(TrainError, match=r"evaluate.domains.law: .* holds no documents"):
        Validation({"law": DomainRecipe(documents=write_documents(tmp_path / "none", []), max_documents=9)}, tokenizer, 48, ALONE, 3)
    with pytest.raises(TrainError, match=r"no tokenizer.json"):
        Validation({"law": DomainRecipe(documents=write_documents(tmp_path / "one", ["w2 w3"]), max_documents=9)}, tmp_path / "none", 48, ALONE, 3)


def test_processes_score_their_parts_and_add_them_up(tmp_path, monkeypatch):
    folder, tokenizer, model = (
        write_documents(tmp_path / "d", [sentence(number, 20 + number) for number in range(7)]),
        write_tokenizer(tmp_path / "t"),
        tiny_model(),
    )
    alone = Validation({"d": DomainRecipe(documents=folder, max_documents=9)}, tokenizer, 48, ALONE, 2).bits_per_byte(model)
    sums, forwards = [], []
    monkeypatch.setattr(World, "sum", lambda self, tensor: sums.append(tensor.clone()) or tensor)
    for rank in range(3):
        part = Validation({"d": DomainRecipe(documents=folder, max_documents=9)}, tokenizer, 48, World(torch.device("cpu"), rank, 3), 2)
        forwards.append(len(part._batches))
        part.bits_per_byte(model)
    n_bytes = sum(len(sentence(number, 20 + number)) for number in range(7))
    assert float(sum(sums)) / n_bytes / math.log(2) == pytest.approx(alone["d"], rel=1e-6)
    assert len(set(forwards)) == 1, "a sharded model computes only where all processes do"


def test_a_tokenizer_that_loses_held_out_text_is_warned_of(tmp_path, caplog):
    tokenizer = write_tokenizer(tmp_path / "t")
    Validation({"law": DomainRecipe(documents=write_documents(tmp_path / "known", [sentence(1, 40)]))}, tokenizer, 48, ALONE, 3)
    assert "loses" not in caplog.text
    Validation({"law": DomainRecipe(documents=write_documents(tmp_path / "other", [f"{sentence(1, 4)} unheard-of"]))}, tokenizer, 48, ALONE, 3)
    assert "evaluate.domains.law: the tokenizer loses" in caplog.text and "bits per byte are too low" in caplog.text
