"""The command, from documents to documents, over real HTTP."""

import json
import os
import signal
import subprocess
import time

import pyarrow as pa

from curate.synthesize.journal import read_journal
from shards.read import ShardSet
from tests.commands import command, content, run
from tests.curate.synthesize.server import Server
from tests.curate.synthesize.sets import prose, recipe, synthesize, write_documents

FAULTY = {"fault_share": 0.2, "slow_seconds": 0.3}


def table(folder, name: str) -> pa.Table:
    return ShardSet(folder / "out" / name).to_table()


def kept_keys(folder) -> list[str]:
    return [answer.key for path in (folder / "out" / "journal").glob("*.jsonl") for answer in read_journal(path)]


def kill_after(n_answers: int, folder, *arguments: object) -> None:
    """Start a command, and kill -9 its whole process group once so many answers are kept."""
    process = subprocess.Popen(command(*arguments), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(kept_keys(folder)) < n_answers:
        assert process.poll() is None, "the command ended before it could be killed"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_every_document_is_asked_about_once_through_all_faults_and_two_kills(tmp_path):
    documents = write_documents(tmp_path / "corpus", prose(120), rows_per_file=40)
    with Server(tmp_path / "server", seconds=0.05, **FAULTY) as server:
        made = recipe(tmp_path, documents, server.url)
        for n_answers in (30, 70):
            kill_after(n_answers, tmp_path, "curate", "synthesize", made)
            kept, n_asked = set(kept_keys(tmp_path)), len(server.asked())
            assert n_answers <= len(kept) < 120
        run("curate", "synthesize", made)
        asked_later = {one["id"] for one in server.asked()[n_asked:]}
    assert not kept & asked_later
    assert len(kept_keys(tmp_path)) == len(set(kept_keys(tmp_path))) == 120 == len(table(tmp_path, "documents"))


def test_the_output_is_the_same_bytes_whatever_the_order_of_answers_and_the_number_of_processes(tmp_path):
    documents = write_documents(tmp_path / "corpus", prose(60), rows_per_file=20)
    with Server(tmp_path / "server", **FAULTY) as server:
        made = recipe(tmp_path, documents, server.url)
        synthesize(made, out=tmp_path / "one")
        synthesize(made, "generator.concurrency=3", out=tmp_path / "two", workers=2)
    without = ("work", "journal")
    assert content(tmp_path / "one", without=without) == content(tmp_path / "two", without=without)


def test_a_document_carries_where_it_came_from(tmp_path):
    texts = prose(3)
    documents = write_documents(tmp_path / "corpus", texts, metadata='{"title":"T"}')
    with Server(tmp_path / "server") as server:
        synthesize(recipe(tmp_path, documents, server.url))
    row = table(tmp_path, "documents").to_pylist()[1]
    source = ShardSet(documents).to_table().to_pylist()[1]
    assert row["synthetic"]["source_ids"] == [source["id"].hex()]
    assert (row["task"], row["synthetic"]["model"], row["synthetic"]["task"]) == ("ask", "test-model", "ask")
    assert json.loads(row["synthetic"]["sampling"])["temperature"] == 0.7
    assert (row["file"], row["row"], json.loads(row["metadata"])) == ("corpus/part-00000.arrow", 1, {"title": "T"})
    (journal,) = (tmp_path / "out" / "journal").glob("*.jsonl")
    answers = {answer.key: answer for answer in read_journal(journal)}
    assert json.loads(answers[row["synthetic"]["keys"][0]].text)[0]["answer"] in row["text"]


def test_another_parser_or_gate_asks_for_nothing_again(tmp_path):
    documents = write_documents(tmp_path / "corpus", prose(10))
    with Server(tmp_path / "server") as server:
        synthesize(recipe(tmp_path, documents, server.url))
    output = {"template": "{{ item.answer }}"}
    dead = "http://127.0.0.1:9/v1"
    synthesize(recipe(tmp_path, documents, dead, {"output": output}, gates=[{"kind": "length", "min_words": 3}]))
    assert not any("Question" in text for text in table(tmp_path, "documents")["text"].to_pylist())


def test_what_cannot_be_used_is_kept_with_its_reason(tmp_path):
    documents = write_documents(tmp_path / "corpus", prose(4))
    with Server(tmp_path / "server", answer="nonsense") as server:
        synthesize(recipe(tmp_path, documents, server.url))
    verdicts, rejected = table(tmp_path, "verdicts").to_pylist(), table(tmp_path, "rejected").to_pylist()
    assert [one["rule"] for one in verdicts] == ["parse/not_json"] * 4
    assert {one["doc_id"] for one in verdicts} == {one["id"] for one in rejected}
    assert "weather" in rejected[0]["text"]
