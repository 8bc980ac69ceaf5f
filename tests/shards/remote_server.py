"""A real S3 server, and a gate in front of any HTTP server that fails on request."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

S3_SETTINGS = {
    "key": "testing",
    "secret": "testing",
    "client_kwargs": {"region_name": "us-east-1"},
    "config_kwargs": {"retries": {"max_attempts": 1}},
}


@contextmanager
def s3_server() -> Iterator[str]:
    """Address of an S3 server with an empty bucket `bucket`."""
    server_module = pytest.importorskip("moto.server")
    import boto3

    server = server_module.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=address, **keys).create_bucket(Bucket="bucket")
    try:
        yield address
    finally:
        server.stop()


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Address of a web server of a folder's files."""

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *arguments):
            pass

    with _serving(Files) as address:
        yield address


class Gate:
    """Answers requests for data files as the next of `troubles` says (`error`, `stall`, `cut`, `flip`, `hold`), and all others as the server behind it."""

    def __init__(self, behind: str) -> None:
        self.behind = behind.removeprefix("http://")
        self.troubles: list[str] = []
        self.also: tuple[str, ...] = ()
        """Endings of other files that get troubles, too."""
        self.requests: list[str] = []
        """Paths of the requested data files, in order."""
        self.opened = threading.Event()
        """Requests with the trouble `hold` wait until it is set."""
        self._changed = threading.Condition()

    def next_trouble(self, path: str) -> str:
        with self._changed:
            if not path.endswith((".arrow", *self.also)):
                return ""
            self.requests.append(path)
            self._changed.notify_all()
            return self.troubles.pop(0) if self.troubles else ""

    def wait_for_requests(self, n: int) -> None:
        """Return once at least `n` data files were requested."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.requests) >= n)


@contextmanager
def gate_before(behind: str) -> Iterator[tuple[str, Gate]]:
    """Address of a gate in front of the server at `behind`, and the gate."""
    gate = Gate(behind)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            trouble = gate.next_trouble(self.path.partition("?")[0])
            if trouble == "error":
                self.send_error(503)
                return
            if trouble == "stall":
                gate.wait_for_requests(len(gate.requests) + 1)  # the client gives up and requests it again
            if trouble == "hold":
                gate.opened.wait()
            self._answer(trouble)

        def do_HEAD(self):
            self._answer("")

        def _answer(self, trouble: str) -> None:
            connection = http.client.HTTPConnection(gate.behind)
            connection.request(self.command, self.path, headers=dict(self.headers) | {"Host": gate.behind})
            answer = connection.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "server", "date"):
                    self.send_header(name, value)
            self.end_headers()
            if trouble == "flip":
                body = body[:-1] + bytes([body[-1] ^ 1])
            self.wfile.write(body[: len(body) // 2] if trouble == "cut" else body)
            self.close_connection = True

        def log_message(self, *arguments):
            pass

    with _serving(Handler) as address:
        yield address, gate


@contextmanager
def _serving(handler) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
