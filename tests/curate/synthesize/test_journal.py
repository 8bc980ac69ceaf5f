"""Answers survive kills and damage, and each is kept once."""

import random

import pytest

from curate.errors import CurateError
from curate.synthesize.generators.base import Answer
from curate.synthesize.inputs import Shard
from curate.synthesize.journal import Journal, journals, read_journal
from shards.manifest import ShardFile


def answer(number: int) -> Answer:
    return Answer(f"{number:032x}", f"text {number}\nwith a line break, “quotes” and \x85", "stop", number, 2 * number)


def fill(path, n: int) -> list[Answer]:
    answers = [answer(number) for number in range(n)]
    with Journal(path) as journal:
        for one in answers:
            journal.append(one)
    return answers


def test_answers_come_back_as_they_were(tmp_path):
    answers = fill(tmp_path / "a.jsonl", 50)
    with Journal(tmp_path / "a.jsonl") as journal:
        assert [journal.get(one.key) for one in answers] == answers
        assert journal.get("f" * 32) is None


def test_a_journal_cut_anywhere_gives_all_whole_lines_and_goes_on(tmp_path):
    path = tmp_path / "a.jsonl"
    answers = fill(path, 20)
    data = path.read_bytes()
    draw = random.Random(0)
    for _ in range(100):
        cut = draw.randrange(len(data))
        path.write_bytes(data[:cut])
        # A line is whole with or without its line break.
        whole = (data[:cut] + b"\n").count(b"\n") - (0 if data[cut : cut + 1] == b"\n" else 1)
        with Journal(path) as journal:
            assert len(journal) == whole
            for one in answers:
                journal.append(one)
        assert list(read_journal(path)) == answers


def test_a_damaged_line_costs_only_its_own_answer(tmp_path):
    path = tmp_path / "a.jsonl"
    answers = fill(path, 5)
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"text", b"tent")
    path.write_bytes(b"\n".join(lines))
    with Journal(path) as journal:
        assert journal.n_damaged == 1
        assert [journal.get(one.key) for one in answers] == [*answers[:2], None, *answers[3:]]


def test_a_second_answer_to_the_same_request_is_not_kept(tmp_path):
    path = tmp_path / "a.jsonl"
    with Journal(path) as journal:
        journal.append(answer(1))
        journal.append(Answer(answer(1).key, "another"))
        assert journal.get(answer(1).key) == answer(1)
    assert len(path.read_bytes().splitlines()) == 1


@pytest.mark.parametrize("text", ["\ud800 half a pair", "\u2028", "\x00"])
def test_any_text_can_be_kept(tmp_path, text):
    with Journal(tmp_path / "a.jsonl") as journal:
        journal.append(Answer("0" * 32, text))
        kept = journal.get("0" * 32)
        assert kept and kept.text == text.replace("\ud800", "?")


def test_two_processes_cannot_write_one_journal(tmp_path):
    with Journal(tmp_path / "a.jsonl"), pytest.raises(CurateError, match="still writes to it"):
        Journal(tmp_path / "a.jsonl")


def shard(label: str) -> Shard:
    return Shard(0, "", ShardFile("a.arrow", 1, 1, "0" * 32), label, 0, 1, 7, 1)


def test_only_journals_of_ours_are_read(tmp_path):
    ours = sorted(f"{shard(label).journal_name}.jsonl" for label in ("in/documents-00000-00000.arrow", "данные/documents-00000-00000.arrow"))
    for name in [*ours, "notes.jsonl", "answers-12.jsonl", "a-000000007.json", "mine 000000007.jsonl"]:
        (tmp_path / name).write_text("")
    assert [path.name for path in journals(tmp_path)] == ours


def test_inputs_of_any_name_have_journals_of_their_own_that_can_be_files():
    labels = ["a/b.arrow", "данные/b.arrow", "тексты/b.arrow", "a b/b.arrow", "a\nb/b.arrow", f"{'x' * 250}/b.arrow", f"{'x' * 251}/b.arrow"]
    names = [shard(label).journal_name for label in labels]
    assert names[0] == "a_b-000000007" and len(set(names)) == len(labels)
    assert all(len(name) < 200 for name in names)
