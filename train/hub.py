"""Models of the Hugging Face hub: fetched, or taken from the cache when the hub cannot be reached; never a minute of retries."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from train.errors import TrainError

_SECONDS = 5.0
"""For an answer to the first packet; a hub that takes longer is taken for one that is not there."""


def fetch(model: str, download: Callable[..., str]) -> Path:
    """What `download(model, local_files_only=…)` gives, a function of huggingface_hub. Raises TrainError, in one line, if it is not to be had."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    is_there = not constants.HF_HUB_OFFLINE and _answers(constants.ENDPOINT)
    try:
        return Path(download(model, local_files_only=not is_there))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        why = " ".join(str(error).split())[:200] if is_there else f"{constants.ENDPOINT} cannot be reached, and the cache does not hold it"
        raise TrainError(f"model: {model}: no such folder, and not to be had from the hub ({why}); give a local folder") from None


def _answers(endpoint: str) -> bool:
    """Whether the hub, or the proxy before it, takes a connection. Names are looked up in a thread, as nothing ends that wait."""
    address = urlsplit(endpoint)
    proxy = urlsplit(getproxies().get(address.scheme, ""))
    place = proxy if proxy.hostname and not proxy_bypass(address.hostname or "") else address
    found: list[bool] = []

    def connect() -> None:
        try:
            with socket.create_connection((place.hostname or "", place.port or {"http": 80}.get(place.scheme, 443)), timeout=_SECONDS):
                found.append(True)
        except (OSError, UnicodeError):
            pass

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_SECONDS)
    return bool(found)
