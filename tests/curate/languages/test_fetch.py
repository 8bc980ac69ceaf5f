import hashlib
import threading
from collections.abc import Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.languages.fetch import SOURCES, ModelSource, fetch_model

CONTENT = b"a model" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(SimpleHTTPRequestHandler):
    content = CONTENT

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/lid.bin" else 404)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(Handler, "content", CONTENT)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def sources(url: str, sha256: str | None, path: str = "/lid.bin") -> dict[str, ModelSource]:
    return {"lid": ModelSource(url + path, "lid.bin", sha256)}


def test_a_known_checksum_is_compared(tmp_path: Path, url: str) -> None:
    fetched = fetch_model("lid", tmp_path / "models", sources=sources(url, SHA256))
    assert fetched.path.read_bytes() == CONTENT and fetched.sha256 == SHA256 and fetched.checked_against == "the checksum in curate's list"


def test_another_checksum_leaves_nothing_behind(tmp_path: Path, url: str) -> None:
    with pytest.raises(CurateError, match=f"gave a file with sha256 {SHA256}, expected {'0' * 64} \\(the checksum given\\)"):
        fetch_model("lid", tmp_path, "0" * 64, sources(url, None))
    assert list(tmp_path.iterdir()) == []


def test_the_first_download_is_trusted_and_later_ones_must_match(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fetch_model("lid", tmp_path, sources=sources(url, None))
    assert first.checked_against.startswith("nothing") and (tmp_path / "lid.bin.sha256").read_text() == f"{SHA256}  lid.bin\n"
    first.path.unlink()
    monkeypatch.setattr(Handler, "content", b"another model")
    with pytest.raises(CurateError, match=r"the first download's checksum"):
        fetch_model("lid", tmp_path, sources=sources(url, None))


def test_a_file_that_is_there_is_checked_and_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "lid.bin").write_bytes(CONTENT)
    nowhere = sources("http://127.0.0.1:9", SHA256)
    assert fetch_model("lid", tmp_path, sources=nowhere).sha256 == SHA256
    (tmp_path / "lid.bin").write_bytes(b"damaged")
    with pytest.raises(CurateError, match=r"lid\.bin is a file with sha256"):
        fetch_model("lid", tmp_path, sources=nowhere)


def test_a_failed_download_says_what_to_do(tmp_path: Path, url: str) -> None:
    for broken in (sources(url, None, "/gone.bin"), sources("http://127.0.0.1:9", None)):
        with pytest.raises(CurateError, match=r"cannot be downloaded .* set language\.model to its path"):
            fetch_model("lid", tmp_path, sources=broken)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(CurateError, match=r"known are lid\.176\.ftz, lid\.176\.bin, glotlid"):
        fetch_model("cld3", tmp_path)
    assert all(source.url.startswith("https://") for source in SOURCES.values())
