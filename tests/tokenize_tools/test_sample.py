import json

import pytest

from shards.errors import CptkitError
from tests.tokenize_tools.samples import documents_set, prose
from tokenize_tools.sample import Sample, parse_portions
from tokenize_tools.texts import open_documents
from tokenize_tools.train import train_tokenizer


def test_a_sample_takes_the_requested_bytes_of_each_source_and_records_them(tmp_path):
    sets = [documents_set(tmp_path / name, prose(seed, 300), source=name) for seed, name in enumerate(["law", "web", "code"])]
    figures = train_tokenizer(sets, 400, 1, tmp_path / "tokenizer", by_source=parse_portions(["law=40k", "web=0.01M"]))
    assert figures == json.loads((tmp_path / "tokenizer" / "training.json").read_text())
    taken = {source: (portion["asked_bytes"], portion["bytes"]) for source, portion in figures["sample"].items()}
    assert {source: asked for source, (asked, _) in taken.items()} == {"law": 40_000, "web": 10_000, "code": 0}
    assert abs(taken["law"][1] / 40_000 - 1) < 0.3 and abs(taken["web"][1] / 10_000 - 1) < 0.5 and taken["code"][1] == 0


def test_a_sample_is_independent_of_order_and_of_batches_and_a_larger_one_contains_it(tmp_path):
    texts = prose(0, 200)
    orders = {"some": (texts, 7), "reversed": (texts[::-1], 20)}
    sets = {name: open_documents(documents_set(tmp_path / name, chosen, batch=n)) for name, (chosen, n) in orders.items()}
    total = sum(len(text.encode()) for text in texts)
    small, again, large = (
        {text for batch in Sample([sets[name]], n) for text in batch} for name, n in [("some", total // 4), ("reversed", total // 4), ("some", total // 2)]
    )
    assert small == again and small < large
    assert sum(len(batch) for batch in Sample([sets["some"]], total)) == 200


@pytest.mark.parametrize(
    ("asked", "message"),
    [("law", "not SOURCE=BYTES"), ("law=ten", "--sample law ten: not an amount of bytes"), ("tax=1k", "tax: no such source in the documents, which have law")],
)
def test_an_invalid_sample_option_is_refused(tmp_path, asked, message):
    documents = documents_set(tmp_path / "documents", prose(0, 3), source="law")
    with pytest.raises(CptkitError, match=message):
        train_tokenizer([documents], 400, 1000, tmp_path / "tokenizer", by_source=parse_portions([asked]))
