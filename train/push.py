"""Uploads a model folder to the Hugging Face hub, or to a server that speaks its protocol (environment variable HF_ENDPOINT)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train.errors import TrainError
from train.hub import is_reachable
from train.save.files import INDEX

_OURS = ("trainer_state/*", "facts.json", ".*", "*/.*")
"""Patterns of files that resume a run; a reader of the model has no use for them."""

_REASONS = {
    401: "the access token is not valid; log in again with `hf auth login`, or set HF_TOKEN",
    403: "the access token may not write there; use a token with write access, and a name of yours or of your organisation",
    404: "no such repository or branch, or the access token may not see it",
    409: "the branch changed meanwhile; run the same command again",
}


@dataclass(frozen=True)
class Pushed:
    """Names of the model's files, their bytes in total, and the address of the commit; None if nothing was sent."""

    files: list[str]
    n_bytes: int
    url: str | None


def push(folder: Path, repo: str, *, revision: str | None = None, public: bool = False, message: str | None = None, dry_run: bool = False) -> Pushed:
    """Upload a model or adapter folder to `repo` (owner/name), which is made if it does not exist, private unless `public`.

    `revision` is the branch, also made where it is missing; default: main. Files that the hub holds already are not sent again, so after an
    interruption the same command goes on. With `dry_run`, only the folder is checked. Raises TrainError if the folder is no complete model, without
    an access token, and if the hub cannot be reached or refuses.
    """
    files = model_files(folder)
    pushed = Pushed([path.relative_to(folder).as_posix() for path in files], sum(path.stat().st_size for path in files), None)
    if dry_run:
        return pushed
    from huggingface_hub import HfApi, constants, get_token
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if constants.HF_HUB_OFFLINE:
        raise TrainError("push: HF_HUB_OFFLINE is set; unset it to use the hub")
    if get_token() is None:
        raise TrainError("push: no access token; run `hf auth login`, or set HF_TOKEN to a token with write access")
    if not is_reachable(constants.ENDPOINT):
        raise TrainError(f"push: {constants.ENDPOINT} cannot be reached; check the network, or HF_ENDPOINT")
    try:
        return Pushed(pushed.files, pushed.n_bytes, _upload(HfApi(endpoint=constants.ENDPOINT), folder, repo, revision, public, message))
    except HFValidationError as error:
        raise TrainError(f"push: {repo}: not a repository's name ({' '.join(str(error).split())}); give owner/name") from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        reason = _REASONS.get(status, "run the same command again; files that arrived are not sent again")
        raise TrainError(f"push: {repo}: the hub answered {status} ({_first_line(error)}); {reason}") from error
    except Exception as error:  # of the HTTP client that this version of huggingface_hub uses
        raise TrainError(f"push: {repo}: the upload stopped ({_cause(error)}); run the same command again, files that arrived are not sent again") from error


def model_files(folder: Path) -> list[Path]:
    """The files of a model or adapter folder that a reader needs, sorted. Raises TrainError if it is no such folder, or if a weight file is missing."""
    if not folder.is_dir():
        raise TrainError(f"push: {folder}: no such folder")
    if not any((folder / name).exists() for name in ("config.json", "adapter_config.json")):
        inner = " (its subfolder model is one)" if (folder / "model" / "config.json").exists() else ""
        raise TrainError(f"push: {folder}: no config.json or adapter_config.json, so this is no model or adapter folder{inner}")
    present = {path.name for path in folder.glob("*.safetensors")}
    listed = set(json.loads((folder / INDEX).read_text())["weight_map"].values()) if (folder / INDEX).exists() else set()
    if missing := sorted(listed - present):
        raise TrainError(f"push: {folder}: {missing[0]} is missing, which {INDEX} lists; copy it again")
    if not present:
        raise TrainError(f"push: {folder}: no .safetensors weights; a checkpoint whose model could not be exported has none")
    ours = {path for pattern in _OURS for path in folder.glob(pattern)}
    return sorted(path for path in folder.rglob("*") if path.is_file() and path not in ours)


def _upload(api: Any, folder: Path, repo: str, revision: str | None, public: bool, message: str | None) -> str:
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    api.create_repo(repo, private=not public, exist_ok=True)
    if revision is not None:
        api.create_branch(repo, branch=revision, exist_ok=True)
    text = message or f"Upload {folder.resolve().name}"
    return str(api.upload_folder(repo_id=repo, folder_path=folder, revision=revision, commit_message=text, ignore_patterns=list(_OURS)).commit_url)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__


def _cause(error: BaseException) -> str:
    """Text of the first error of a chain: libraries wrap what the network said."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {_first_line(error)}"
