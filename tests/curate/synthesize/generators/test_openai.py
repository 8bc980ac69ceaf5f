"""The HTTP generator against a server that misbehaves."""

import json
import time

import pytest

from curate.errors import CurateError
from curate.synthesize.generators.base import Answer, Unanswered
from tests.curate.synthesize.asking import ask, requests
from tests.curate.synthesize.server import FAULTS, Server


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("chat", [True, False], ids=["chat", "plain"])
def test_every_request_is_answered_once_through_every_fault(tmp_path, stream, chat):
    with Server(tmp_path, fault_share=0.6, slow_seconds=0.2) as server:
        seen = ask(requests(80, chat=chat), tmp_path, [server.url], concurrency=20, stream=stream)
        faults = {one["fault"] for one in server.asked()}
        answered = server.answered()
    assert all(isinstance(one, Answer) and json.loads(one.text) and one.finish_reason == "stop" for one in seen.outcomes.values())
    assert len(seen.outcomes) == 80 and len(answered) == len(set(answered)) == 80
    assert faults >= set(FAULTS) - {"slow"}
    assert all(one.prompt_tokens >= 20 and one.completion_tokens > 0 for one in seen.outcomes.values() if isinstance(one, Answer))


@pytest.mark.parametrize(
    "fault, reason",
    [("error500", "server_error"), ("drop_before", "connection"), ("drop_within", "cut_off"), ("html", "html"), ("truncated", "not_json")],
)
def test_a_request_that_always_fails_is_given_up_with_its_reason(tmp_path, fault, reason):
    with Server(tmp_path, fault_share=1, fault_tries=99, faults=fault) as server:
        seen = ask(requests(2), tmp_path, [server.url], retries=1)
        n_asked = len(server.asked())
    assert [type(one) for one in seen.outcomes.values()] == [Unanswered] * 2
    assert {one.reason for one in seen.outcomes.values() if isinstance(one, Unanswered)} == {reason}
    assert n_asked == 4


def test_waiting_for_a_busy_server_costs_no_retries(tmp_path):
    with Server(tmp_path, fault_share=1, fault_tries=4, faults="rate_limit") as server:
        seen = ask(requests(3), tmp_path, [server.url], retries=0)
    assert all(isinstance(one, Answer) and not one.failure for one in seen.outcomes.values())
    assert seen.retries == {"rate_limit": 12}


def test_a_model_that_says_nothing_is_believed_after_three_tries(tmp_path):
    with Server(tmp_path, fault_share=1, fault_tries=99, faults="empty") as server:
        seen = ask(requests(1), tmp_path, [server.url])
        assert len(server.asked()) == 3
    (outcome,) = seen.outcomes.values()
    assert isinstance(outcome, Answer) and outcome.failure == "empty"


def test_a_prompt_longer_than_the_context_is_an_answer_and_is_not_tried_again(tmp_path):
    with Server(tmp_path, context=200) as server:
        seen = ask([*requests(1), *requests(2, words=90)[1:]], tmp_path, [server.url])
        assert len(server.asked()) == 2
    short, long = (seen.outcomes[f"{number:032x}"] for number in (0, 1))
    assert isinstance(short, Answer) and not short.failure
    assert isinstance(long, Answer) and long.failure == "context_length" and "maximum context length is 200" in long.detail


def test_no_more_requests_than_asked_are_in_flight_and_they_are_drawn_as_room_comes(tmp_path):
    drawn = 0
    most = 0

    def draw():
        nonlocal drawn, most
        for request in requests(60):
            drawn += 1
            most = max(most, drawn - len(list(server.asked())))
            yield request

    with Server(tmp_path, seconds=0.02) as server:
        ask(draw(), tmp_path, [server.url], concurrency=5)  # type: ignore[arg-type]
    assert drawn == 60 and most <= 6


def test_requests_go_to_the_servers_that_work(tmp_path):
    with Server(tmp_path / "good", seconds=0.02) as good, Server(tmp_path / "bad", fault_share=1, fault_tries=99, faults="error500") as bad:
        seen = ask(requests(80), tmp_path, [bad.url, good.url, "http://127.0.0.1:9/v1"], check=True, retries=20, concurrency=12)
        n_bad, n_good = len(bad.asked()), len(good.asked())
    assert all(isinstance(one, Answer) for one in seen.outcomes.values()) and n_good == 80
    assert n_bad < 40


def test_a_rate_limit_is_held(tmp_path):
    started = time.monotonic()
    with Server(tmp_path) as server:
        ask(requests(11), tmp_path, [server.url], requests_per_minute=600)
        times = [one["time"] for one in server.asked()]
    assert time.monotonic() - started >= 1.0
    assert max(times) - min(times) >= 0.9


def test_spending_never_passes_its_cap_and_what_was_answered_is_kept(tmp_path):
    prices = {"prompt_per_million": 1e6, "completion_per_million": 1e6}
    one = 23 + 24
    seen_cap = 40 * one
    with Server(tmp_path, seconds=0.01) as server, pytest.raises(CurateError, match=r"max_spend: .* is spent"):
        ask(requests(200, max_tokens=24), tmp_path, [server.url], prices=prices, max_spend=seen_cap, concurrency=8)
    spent = sum(23 for _ in server.answered())
    assert spent <= seen_cap and len(server.answered()) >= 10


@pytest.mark.parametrize("urls", [["http://127.0.0.1:9/v1"]])
def test_a_server_that_is_not_there_is_said_at_once(tmp_path, urls):
    with pytest.raises(CurateError, match=r"no server is ready: http://127.0.0.1:9/v1"):
        ask(requests(3), tmp_path, urls, check=True)


def test_a_run_ends_when_all_servers_are_gone_for_long(tmp_path):
    with Server(tmp_path, seconds=0.01) as server:
        url = server.url
    with pytest.raises(CurateError, match="no server has answered for 1 s"):
        ask(requests(50), tmp_path, [url], retries=50, down_seconds=0.6, concurrency=12)


def test_a_key_is_sent_and_never_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("THE_KEY", "sk-right")
    with Server(tmp_path, key="sk-right") as server:
        assert len(ask(requests(2), tmp_path, [server.url], api_key_env="THE_KEY", check=True).outcomes) == 2
        monkeypatch.setenv("THE_KEY", "sk-wrong-one")
        for check in (True, False):
            with pytest.raises(CurateError, match="the key in THE_KEY is refused") as raised:
                ask(requests(2), tmp_path, [server.url], api_key_env="THE_KEY", check=check)
            assert "sk-wrong-one" not in str(raised.value) and "***" in str(raised.value)
        monkeypatch.delenv("THE_KEY")
        with pytest.raises(CurateError, match="THE_KEY is not set in the environment"):
            ask(requests(2), tmp_path, [server.url], api_key_env="THE_KEY")
        with pytest.raises(CurateError, match="a key is required"):
            ask(requests(2), tmp_path, [server.url], check=True)


@pytest.mark.parametrize("status", [404, 500, 501])
def test_a_gateway_without_a_list_of_models_is_asked(tmp_path, status):
    with Server(tmp_path, models_status=status) as server:
        seen = ask(requests(3), tmp_path, [server.url], check=True)
    assert [type(one) for one in seen.outcomes.values()] == [Answer] * 3


def test_a_list_of_models_with_no_model_behind_it_is_no_answer(tmp_path):
    with Server(tmp_path, fault_share=1, fault_tries=99, faults="error500") as server, pytest.raises(CurateError, match=r"server_error: HTTP 500"):
        ask(requests(3), tmp_path, [server.url], check=True)


@pytest.mark.parametrize("fault", ["empty", "rate_limit"])
def test_a_server_that_answers_anything_is_ready(tmp_path, fault):
    with Server(tmp_path, fault_share=1, fault_tries=1, faults=fault) as server:
        seen = ask(requests(1), tmp_path, [server.url], check=True)
    assert [type(one) for one in seen.outcomes.values()] == [Answer]


def test_an_unknown_model_is_said_with_those_that_the_server_lists(tmp_path):
    with Server(tmp_path) as server, pytest.raises(CurateError, match=r"model 'other' .* it lists test-model"):
        ask(requests(1), tmp_path, [server.url], check=True, model="other")


def test_a_server_that_came_back_is_asked_again_though_it_has_no_list_of_models(tmp_path):
    with Server(tmp_path, fault_share=1, fault_tries=1, faults="error500", models_status=404) as server:
        seen = ask(requests(20), tmp_path, [server.url], retries=8, concurrency=12)
    assert all(isinstance(one, Answer) for one in seen.outcomes.values()) and len(seen.outcomes) == 20
