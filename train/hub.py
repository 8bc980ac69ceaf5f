"""Models of the Hugging Face hub: downloaded, or taken from the cache at once if the hub cannot be reached (no minutes of retries)."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from train.errors import TrainError

_SECONDS = 5.0
"""Timeout of the first connection; a slower hub counts as unreachable."""


def fetch(model: str, download: Callable[..., str]) -> Path:
    """The path that `download(model, local_files_only=…)` returns, a function of huggingface_hub. Raises TrainError with one line if it fails."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    online = not constants.HF_HUB_OFFLINE and is_reachable(constants.ENDPOINT)
    try:
        return Path(download(model, local_files_only=not online))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        why = " ".join(str(error).split())[:200] if online else f"{constants.ENDPOINT} cannot be reached, and the cache does not hold it"
        raise TrainError(f"model: {model}: no such folder, and the hub cannot supply it ({why}); give a local folder") from None


def is_reachable(endpoint: str) -> bool:
    """Whether the hub, or the proxy in front of it, accepts a connection. Runs in a thread, because a DNS lookup has no timeout."""
    address = urlsplit(endpoint)
    proxy = urlsplit(getproxies().get(address.scheme, ""))
    host = proxy if proxy.hostname and not proxy_bypass(address.hostname or "") else address
    connections: list[bool] = []

    def connect() -> None:
        try:
            with socket.create_connection((host.hostname or "", host.port or {"http": 80}.get(host.scheme, 443)), timeout=_SECONDS):
                connections.append(True)
        except (OSError, UnicodeError):
            pass

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_SECONDS)
    return bool(connections)
