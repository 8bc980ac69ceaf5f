"""Against a stand-in for the hub, over real HTTP."""

import json
import os
import subprocess
import sys

import pytest
import torch

from tests.train.hub_server import HubServer
from tests.train.parts import tiny_network
from train.errors import TrainError
from train.push import model_files, push
from train.save.model import export_state, save_config, save_weights


@pytest.fixture
def model(tmp_path):
    """A model folder with several weight files, as a checkpoint has it."""
    folder = tmp_path / "model"
    (folder / "trainer_state").mkdir(parents=True)
    network = tiny_network()
    save_weights(network, export_state(network, {}, torch.float32, keep=True), folder, shard_bytes=20_000)
    save_config(network, torch.float32, folder, {})
    (folder / "trainer_state" / "x.distcp").write_text("state")
    (folder / "facts.json").write_text("{}")
    (folder / ".hidden").write_text("")
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tools.jinja").write_text("{{ x }}")
    return folder


@pytest.fixture
def hub(monkeypatch):
    """A stand-in hub that huggingface_hub is told to use."""
    with HubServer() as server:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HF_TOKEN", "hf_write")
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        yield server


def sent(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in model_files(folder)}


def test_a_model_is_uploaded_to_a_private_repository_without_what_only_a_resume_needs(model, hub):
    pushed = push(model, "me/law-1b")
    assert hub.repos["me/law-1b"] == {"private": True, "main": sent(model)}
    assert not {"facts.json", ".hidden", "trainer_state/x.distcp"} & set(pushed.files) and "additional_chat_templates/tools.jinja" in pushed.files
    assert pushed.n_bytes == sum(map(len, sent(model).values())) and pushed.url.startswith(f"{hub.url}/me/law-1b/commit/")


def test_a_branch_is_made_and_a_public_repository_only_if_asked_for(model, hub):
    push(model, "me/law-1b", revision="v2", public=True)
    repo = hub.repos["me/law-1b"]
    assert not repo["private"] and repo["main"] == {} and repo["v2"] == sent(model)
    push(model, "me/law-1b", revision="v2")


def test_after_an_interruption_the_same_command_sends_only_what_is_missing(model, hub):
    hub.fail_uploads = 1
    with pytest.raises(TrainError, match=r"push: me/law-1b: the .*400.*; run the same command again.*files that arrived are not sent again"):
        push(model, "me/law-1b")
    arrived = len(hub.blobs)
    assert hub.repos["me/law-1b"]["main"] == {}
    hub.uploads = 0
    push(model, "me/law-1b")
    assert hub.repos["me/law-1b"]["main"] == sent(model)
    assert arrived > 0 and hub.uploads == len(hub.blobs) - arrived


@pytest.mark.parametrize(
    ("token", "repo", "said"),
    [
        ("hf_old", "me/law", r"answered 401 .*; the access token is not valid; log in again"),
        ("hf_write", "others/law", r"others/law: the hub answered 403 .*may not write there"),
        ("hf_write", "me/law/1b", r"me/law/1b: not a repository's name .*; give owner/name"),
        (None, "me/law", r"no access token; run `hf auth login`, or set HF_TOKEN"),
    ],
)
def test_a_refusal_says_why_in_one_line(model, hub, monkeypatch, tmp_path, token, repo, said):
    monkeypatch.setenv("HF_TOKEN", token) if token else monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no token"))
    with pytest.raises(TrainError, match=said) as caught:
        push(model, repo)
    assert "\n" not in str(caught.value) and hub.repos == {}


def test_a_hub_that_is_not_there_is_named(model, hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(TrainError, match=r"push: http://127\.0\.0\.1:9 cannot be reached; check the network, or HF_ENDPOINT"):
        push(model, "me/law")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(TrainError, match="HF_HUB_OFFLINE is set"):
        push(model, "me/law")


def test_a_folder_that_is_no_complete_model_is_refused_before_anything_is_sent(model, hub, tmp_path):
    with pytest.raises(TrainError, match=r"no config\.json .*its subfolder model is one"):
        push(tmp_path, "me/law")
    with pytest.raises(TrainError, match="no such folder"):
        push(tmp_path / "none", "me/law")
    lost = sorted(model.glob("*.safetensors"))[1]
    lost.unlink()
    with pytest.raises(TrainError, match=f"{lost.name} is missing"):
        push(model, "me/law")
    assert hub.requests == []


def test_an_adapter_folder_is_a_model_too(model):
    (model / "config.json").rename(model / "adapter_config.json")
    assert "adapter_config.json" in push(model, "me/law", dry_run=True).files


def test_the_command_uses_the_endpoint_of_the_environment_and_a_dry_run_sends_nothing(model, hub, tmp_path):
    environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-m", "train", "push", str(model), "me/law"]
    done = subprocess.run([*command, "--dry-run", "--revision", "v2", "--public"], env=environment, capture_output=True, text=True)
    shown = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 0 and "Would push" in shown and hub.requests == []
    assert "branch v2" in shown and "if it is new public" in shown
    done = subprocess.run([*command, "--message", "First"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert hub.repos["me/law"]["main"] == sent(model)
    assert json.loads(hub.repos["me/law"]["main"]["config.json"])["model_type"] == "llama"
