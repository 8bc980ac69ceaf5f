"""What cannot work is told in one line, and nothing is lost."""

import json
from pathlib import Path

import pytest

from curate.synthesize.journal import read_journal
from shards.errors import CptkitError
from shards.read import ShardSet
from tests.commands import run
from tests.curate.synthesize.server import Server
from tests.curate.synthesize.sets import TASK, prose, recipe, synthesize, write_documents, write_yaml

DEAD = "http://127.0.0.1:9/v1"


def told(made: Path, *overrides: str) -> str:
    """The one line of error that a run ends with."""
    with pytest.raises(CptkitError) as raised:
        synthesize(made, *overrides)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    "task, expected",
    [
        ({"prompt": {"user": "{{ txt }}"}}, "prompt.user: undefined field 'txt'; did you mean text?"),
        ({"prompt": {"user": "{{ document.titel }}"}}, "undefined field document.titel"),
        (
            {"prompt": {"user": "{{ metadata.title }}"}},
            "prompt for corpus/part-00000.arrow:0: 'dict object' has no attribute 'title'; write {{ field | default('') }}",
        ),
        ({"prompt": {"user": "{{ text.__class__.__mro__ }}"}}, "not allowed in a template"),
        ({"prompt": {"user": "{% if %}"}}, "prompt.user: line 1 is not valid Jinja"),
        ({"parser": {"kind": "regex", "pattern": "A: (?P<answer>.+)"}}, "output.template: undefined field item.question; known fields: answer"),
        ({"output": {"columns": ["topic"]}}, "output.columns: items have no field 'topic'"),
        ({"options": {"language": None}}, "option 'language' has no value; set it in the recipe with task_options: {language: …}"),
        ({"gates": [{"kind": "lenght"}]}, "lenght"),
        ({"prompt": {"user": "x", "completion": "y"}}, "give either `user` (chat) or `completion`"),
    ],
)
def test_a_task_that_cannot_work_is_told_before_anything_is_asked(tmp_path, task, expected):
    with Server(tmp_path / "server") as server:
        assert expected in told(recipe(tmp_path, write_documents(tmp_path / "corpus", prose(2)), server.url, task))
        assert not server.asked()


def test_a_parser_that_never_matches_stops_early_shows_examples_and_costs_nothing_again(tmp_path):
    documents = write_documents(tmp_path / "corpus", prose(200))
    with Server(tmp_path / "server", answer="nonsense", seconds=0.01) as server:
        made = recipe(tmp_path, documents, server.url, stop_after=10)
        line = told(made)
        assert "none of the first 10 requests gave a usable answer" in line and "I would rather talk about the weather" in line
        n_asked = len(server.asked())
        assert n_asked < 40
        assert "gave a usable answer" in told(made)
        assert len(server.asked()) == n_asked
        (journal,) = (tmp_path / "out" / "journal").glob("*.jsonl")
        assert len(list(read_journal(journal))) == n_asked


def test_other_bad_recipes_are_one_line_each(tmp_path):
    documents = write_documents(tmp_path / "corpus", prose(2))
    assert "no server is ready: http://127.0.0.1:9/v1" in told(recipe(tmp_path, documents, DEAD))
    assert "neither a YAML file nor a shipped task" in told(recipe(tmp_path, documents, DEAD), "task=sciense_qa")
    assert "NO_KEY is not set in the environment" in told(recipe(tmp_path, documents, DEAD, generator={"api_key_env": "NO_KEY"}))
    line = told(recipe(tmp_path, documents, "http://user:pass@host/v1"))
    assert "put keys into the environment" in line
    assert "no such folder" in told(recipe(tmp_path, tmp_path / "nowhere", DEAD))
    assert "task_options.age: task ask has no such option" in told(recipe(tmp_path, documents, DEAD), "task_options.age=3")
    assert "max_spend: set `prices` too" in told(recipe(tmp_path, documents, DEAD, generator={"max_spend": 3}))
    assert "sampling" in told(recipe(tmp_path, documents, DEAD), "sampling.temprature=3")


def test_a_model_that_the_server_does_not_have_and_one_without_chat_template_are_told(tmp_path):
    documents = write_documents(tmp_path / "corpus", prose(2))
    with Server(tmp_path / "server", no_template=True) as server:
        assert "model 'other' or the address is unknown to the server" in told(recipe(tmp_path, documents, server.url), "generator.model=other")
        assert "has no chat template; use a task with prompt.completion" in told(recipe(tmp_path, documents, server.url))


def test_prompts_longer_than_the_context_get_a_verdict_and_the_others_an_answer(tmp_path):
    documents = write_documents(tmp_path / "corpus", [*prose(3), "long " * 2000])
    with Server(tmp_path / "server", context=3000) as server:
        assert synthesize(recipe(tmp_path, documents, server.url))["verdicts"] == {"answer/context_length": 1}
    (one,) = ShardSet(tmp_path / "out" / "verdicts").to_table().to_pylist()
    assert (one["rule"], one["row"]) == ("answer/context_length", 3) and "maximum context length is 3000" in one["detail"]


def test_requests_without_answer_stop_the_run_until_the_user_lets_them_go(tmp_path):
    documents = write_documents(tmp_path / "corpus", prose(30))
    with Server(tmp_path / "server", fault_share=0.3, fault_tries=99, faults="error500") as server:
        made = recipe(tmp_path, documents, server.url, generator={"retries": 0})
        line = told(made)
        assert "requests have no answer after all retries" in line and "server_error" in line and "out of luck" in line
        assert not (tmp_path / "out" / "documents").exists()
        synthesize(made, "allow_missing=true")
    n_documents, verdicts = len(ShardSet(tmp_path / "out" / "documents")), ShardSet(tmp_path / "out" / "verdicts").to_table().to_pylist()
    assert n_documents + len(verdicts) == 30 and {one["rule"] for one in verdicts} == {"answer/missing"}


def test_a_source_that_changed_is_refused_and_keeps_its_answers_once_accepted(tmp_path):
    texts = prose(20)
    with Server(tmp_path / "server") as server:
        made = recipe(tmp_path, write_documents(tmp_path / "corpus", texts), server.url)
        synthesize(made)
        write_documents(tmp_path / "corpus", [*prose(2, first=500), *texts[5:]])
        line = told(made)
        assert "changed since" in line and "--accept-changes" in line
        assert len(ShardSet(tmp_path / "out" / "documents")) == 20
        synthesize(made, accept_changes=True)
        assert len(server.asked()) == 22
    assert len(ShardSet(tmp_path / "out" / "documents")) == 17


def test_a_damaged_source_is_refused(tmp_path):
    documents = write_documents(tmp_path / "corpus", prose(20))
    with Server(tmp_path / "server") as server:
        made = recipe(tmp_path, documents, server.url)
        (file,) = documents.glob("*.arrow")
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
        assert "checksum" in told(made)


def test_the_key_stands_in_no_file_and_on_no_line(tmp_path, monkeypatch):
    key = "sk-secret-0123456789"
    documents = write_documents(tmp_path / "corpus", prose(5))
    with Server(tmp_path / "server", key=key) as server:
        made = recipe(tmp_path, documents, server.url, generator={"api_key_env": "MY_KEY"})
        shown = run("curate", "synthesize", made, "--debug", environment={"MY_KEY": key})
        shown += run("curate", "synthesize", made, "--out", tmp_path / "other", environment={"MY_KEY": key + "x"}, code=2)
        write_yaml(tmp_path / "task.yaml", TASK | {"prompt": {"user": key + " {{ text }}"}})
        monkeypatch.setenv("MY_KEY", key)
        shown += told(made)
    assert "is written in the recipe or the task" in shown
    assert key not in shown
    files = [path for folder in ("out", "other") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert len(files) > 8 and not any(key.encode() in path.read_bytes() for path in files)
    assert json.loads((tmp_path / "out" / "documents" / "manifest.json").read_text())["recipe"]["generator"] == {"kind": "openai", "model": "test-model"}
