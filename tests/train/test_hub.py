"""A model that is neither a folder nor on the hub is reported in one line, without retries."""

import socket
from pathlib import Path
from typing import Any

import pytest

from train import hub
from train.errors import TrainError
from train.model import config_folder, local_folder


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address at which nothing listens."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    return f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("find", [local_folder, config_folder])
def test_a_hub_that_is_not_there_is_not_asked_again_and_again(find: Any, closed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    tried: list[object] = []
    connect = socket.create_connection
    monkeypatch.setattr("socket.create_connection", lambda *arguments, **options: tried.append(arguments) or connect(*arguments, **options))
    with pytest.raises(TrainError) as caught:
        find("somebody/some-model")
    assert f"{closed} cannot be reached, and the cache does not hold it" in str(caught.value) and "\n" not in str(caught.value)
    assert len(tried) <= 2  # a retry storm makes six and more


def test_what_the_cache_holds_is_used_without_the_hub(closed: str) -> None:
    def download(model: str, local_files_only: bool) -> str:
        assert local_files_only
        return f"/cache/{model}"

    assert hub.fetch("a/b", download) == Path("/cache/a/b")


def test_a_hub_that_answers_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert hub.fetch("a/b", lambda model, local_files_only: f"/{model}/{local_files_only}") == Path("/a/b/False")
