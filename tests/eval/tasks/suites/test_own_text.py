"""Tasks made from one's own held-out text."""

import pyarrow as pa
import pytest
import xxhash

from eval.errors import EvalError
from eval.tasks.suites.own_text import CONTEXT_CHARACTERS, MAX_PASSAGES, N_CHOICES
from eval.tasks.suites.read import read_suite
from shards.schemas import DOCUMENTS
from shards.write import write_set


def documents(folder, texts):
    rows = [{"id": xxhash.xxh3_128_digest(text.encode()), "text": text, "source": "own", "language": "en", "url": "", "metadata": ""} for text in texts]
    batch = pa.RecordBatch.from_pylist([row | {"file": "", "row": 0} for row in rows], schema=DOCUMENTS)
    write_set(folder, "documents", DOCUMENTS, [batch])
    return folder


@pytest.fixture
def texts():
    return [" ".join(f"{name}{number}" for number in range(700)) for name in ("oak", "elm", "ash", "fir", "yew", "box")]


def test_the_true_continuation_follows_its_context_and_the_others_are_of_other_documents(tmp_path, texts):
    (task,) = read_suite("t", "continuation", documents(tmp_path / "set", texts))
    assert len(task.items) == len(texts) * MAX_PASSAGES and task.delimiter == ""
    whole = {xxhash.xxh3_128_hexdigest(text.encode()): text for text in texts}
    for item in task.items:
        text = whole[item.group]
        assert item.context + item.choices[item.gold] in text and len(item.context) <= CONTEXT_CHARACTERS and len(set(item.choices)) == N_CHOICES
        assert all(choice not in text for number, choice in enumerate(item.choices) if number != item.gold)
    assert len({item.gold for item in task.items}) == N_CHOICES


def test_the_same_set_gives_the_same_items_in_any_order_of_its_documents(tmp_path, texts):
    tasks = [read_suite("t", "continuation", documents(tmp_path / str(turn), texts[::turn]))[0] for turn in (1, -1)]
    assert tasks[0].items == tasks[1].items


def test_characters_stay_whole_in_text_without_blanks(tmp_path):
    texts = ["".join(f"{letter}\u0e49{chr(0x4E00 + number)}" for number in range(900)) for letter in "กขคง"]
    (task,) = read_suite("t", "continuation", documents(tmp_path / "set", texts))
    assert all(not choice.startswith("\u0e49") for item in task.items for choice in item.choices)


def test_last_words_have_occurred_before_in_the_passage(tmp_path):
    filler = " ".join(f"word{number}" for number in range(60))
    texts = [f"The lantern was lit. {filler} {name} and then he carried away the lantern. {filler}" for name in ("Ann", "Bo")]
    (task,) = read_suite("t", "last_word", documents(tmp_path / "set", texts))
    assert [item.choices for item in task.items] == [("lantern",)] * 2 and task.kind == "continuation"
    assert all("lantern" in item.context and not item.context.endswith(" ") for item in task.items)


def test_too_little_text_is_refused_in_one_line(tmp_path, texts):
    few = documents(tmp_path / "few", texts[:2])
    with pytest.raises(EvalError, match=r"suite continuation: .* has 2 documents of at least 720 characters, needs 4"):
        read_suite("t", "continuation", few)
    with pytest.raises(EvalError, match=r"suite last_word: no sentence in .* ends in a word that occurred before"):
        read_suite("t", "last_word", few)
