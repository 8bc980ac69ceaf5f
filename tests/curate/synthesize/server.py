"""A server that speaks OpenAI's protocol over real HTTP, badly if asked to. Run as a program of its own, or `Server` inside a test.

Every request is logged as a line of JSON in the file given, before it is answered: {"id", "attempt", "fault", "path"}. What goes wrong is decided by
the request's id (X-Request-Id, else a hash of its body) and how often it was asked before, so a run can be repeated.
"""

import argparse
import asyncio
import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

FAULTS = ("error500", "rate_limit", "drop_before", "drop_within", "html", "truncated", "empty", "slow", "no_choices")


class Oracle:
    """What the server says: by default the prompt's last words in a JSON list of one question."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.attempts: Counter[str] = Counter()
        self.log = open(options.log, "a", buffering=1)  # noqa: SIM115
        self.in_flight = self.most_in_flight = 0

    def fault(self, name: str, attempt: int) -> str:
        """The fault of this try; the third try of a request never fails."""
        drawn = int(hashlib.sha256(f"{name} {attempt} {self.options.seed}".encode()).hexdigest()[:8], 16) / 2**32
        faults = self.options.faults.split(",") if self.options.faults else FAULTS
        if attempt >= self.options.fault_tries or drawn >= self.options.fault_share:
            return ""
        return faults[int(drawn / self.options.fault_share * len(faults))]

    def text(self, prompt: str, seed: int) -> str:
        """The completion."""
        mode = self.options.answer
        if mode == "nonsense":
            return "I am sorry, I would rather talk about the weather."
        words = prompt.split()[-12:]
        if mode == "echo":
            return " ".join(words)
        return json.dumps([{"question": f"What is said about {words[0]}?", "answer": " ".join(words) + f" ({seed % 1000})"}])


async def handle(oracle: Oracle, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection; kept alive until a fault ends it."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            if not await respond(oracle, head[0].split()[1], headers, body, writer):
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def respond(oracle: Oracle, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; False: the connection is to be dropped."""
    options = oracle.options
    if options.key and headers.get("authorization") != f"Bearer {options.key}":
        shown = headers.get("authorization", "none")
        return await send(writer, 401, {"error": {"message": f"Incorrect API key provided: {shown}", "code": "invalid_api_key"}})
    if path.endswith("/models") and options.models_status != 200:
        return await send(writer, options.models_status, {"error": {"message": "no list here"}})
    if path.endswith("/models"):
        return await send(writer, 200, {"object": "list", "data": [{"id": "test-model", "object": "model"}]})
    asked = json.loads(body)
    name = headers.get("x-request-id") or hashlib.sha256(body).hexdigest()[:32]
    attempt = oracle.attempts[name]
    oracle.attempts[name] += 1
    fault = oracle.fault(name, attempt)
    oracle.log.write(json.dumps({"id": name, "attempt": attempt, "fault": fault, "path": path, "time": time.time()}) + "\n")
    oracle.in_flight += 1
    oracle.most_in_flight = max(oracle.most_in_flight, oracle.in_flight)
    try:
        await asyncio.sleep(options.slow_seconds if fault == "slow" else options.seconds)
        return await say(oracle, path, asked, fault, writer)
    finally:
        oracle.in_flight -= 1


async def say(oracle: Oracle, path: str, asked: dict[str, Any], fault: str, writer: asyncio.StreamWriter) -> bool:
    """The answer, or the fault."""
    prompt = asked["messages"][-1]["content"] if "messages" in asked else asked["prompt"]
    if asked["model"] != "test-model":
        return await send(writer, 404, {"error": {"message": f"The model `{asked['model']}` does not exist.", "code": 404}})
    if oracle.options.context and len(prompt) > oracle.options.context:
        return await send(writer, 400, {"error": {"message": f"This model's maximum context length is {oracle.options.context} tokens."}})
    if "messages" in asked and oracle.options.no_template:
        return await send(writer, 400, {"error": {"message": "default chat template is no longer allowed, so you must provide a chat template"}})
    if fault == "error500":
        return await send(writer, 500, {"error": {"message": "out of luck"}})
    if fault == "rate_limit":
        return await send(writer, 429, {"error": {"message": "slow down"}}, {"Retry-After": "0.05"})
    if fault == "drop_before":
        writer.transport.abort()
        return False
    if fault == "html":
        return await send_bytes(writer, 200, b"<html><body>Bad gateway, but with a smile</body></html>", "text/html")
    if fault == "no_choices":
        return await send(writer, 200, {"choices": []})
    text = "" if fault == "empty" else oracle.text(prompt, asked.get("seed", 0))
    usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(text.split()), "total_tokens": 0}
    if asked.get("stream"):
        return await stream(writer, text, usage, cut=fault in ("truncated", "drop_within"))
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
    choice |= {"message": {"role": "assistant", "content": text}} if path.endswith("chat/completions") else {"text": text}
    data = json.dumps({"id": "x", "object": "completion", "choices": [choice], "usage": usage}).encode()
    if fault == "truncated":
        return await send_bytes(writer, 200, data[: len(data) // 2])
    if fault == "drop_within":
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data[: len(data) // 2])
        await writer.drain()
        writer.close()
        return False
    return await send_bytes(writer, 200, data)


async def stream(writer: asyncio.StreamWriter, text: str, usage: dict[str, int], *, cut: bool) -> bool:
    """Server-sent events, one for each word; `cut` ends them half-way."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
    words = text.split(" ")
    for word in words[: len(words) // 2] if cut else words:
        event = {"choices": [{"index": 0, "delta": {"content": word if word is words[0] else " " + word}, "finish_reason": None}]}
        writer.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        await writer.drain()
    if not cut:
        writer.write(b"data: " + json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}).encode() + b"\n\n")
        writer.write(b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\ndata: [DONE]\n\n")
        await writer.drain()
    writer.close()
    return False


async def send(writer: asyncio.StreamWriter, status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> bool:
    """A JSON response."""
    return await send_bytes(writer, status, json.dumps(content).encode(), "application/json", headers)


async def send_bytes(writer: asyncio.StreamWriter, status: int, data: bytes, kind: str = "application/json", headers: dict[str, str] | None = None) -> bool:
    """Any response."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items())
    writer.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + data)
    await writer.drain()
    return True


def arguments() -> argparse.ArgumentParser:
    """Options of the program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--port-file", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--slow-seconds", type=float, default=2.0)
    parser.add_argument("--fault-share", type=float, default=0.0)
    parser.add_argument("--fault-tries", type=int, default=2)
    parser.add_argument("--faults", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--answer", default="qa")
    parser.add_argument("--context", type=int, default=0)
    parser.add_argument("--key", default="")
    parser.add_argument("--no-template", action="store_true")
    parser.add_argument("--models-status", type=int, default=200)
    return parser


async def serve(options: argparse.Namespace) -> None:
    """Listen on a free port, write it to the file, and stay."""
    oracle = Oracle(options)
    server = await asyncio.start_server(lambda reader, writer: handle(oracle, reader, writer), "127.0.0.1", options.port, limit=1 << 22, backlog=4096)
    temporary = Path(options.port_file + ".tmp")
    temporary.write_text(str(server.sockets[0].getsockname()[1]))
    os.replace(temporary, options.port_file)
    async with server:
        await server.serve_forever()


class Server:
    """The program, started and ended with a `with` block."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "asked.jsonl"
        self._port_file = self.folder / "port"
        flags = []
        for name, value in options.items():
            flags += [f"--{name.replace('_', '-')}"] if value is True else [f"--{name.replace('_', '-')}", str(value)]
        self._command = [sys.executable, __file__, "--log", str(self.log), "--port-file", str(self._port_file), *flags]

    def __enter__(self) -> "Server":
        self._port_file.unlink(missing_ok=True)
        self._process = subprocess.Popen(self._command)
        while not self._port_file.exists():
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self._port_file.read_text()}/v1"

    def asked(self) -> list[dict[str, Any]]:
        """The log so far, without requests that only ask whether the server is ready."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [asked for asked in map(json.loads, lines) if asked["id"] != "ready"]

    def answered(self) -> list[str]:
        """Ids of requests that were given a good answer, once for each time."""
        return [one["id"] for one in self.asked() if one["fault"] in ("", "slow")]

    def models(self) -> dict[str, Any]:
        """A plain GET, for checks."""
        with urllib.request.urlopen(f"{self.url}/models") as response:
            return json.load(response)


if __name__ == "__main__":
    asyncio.run(serve(arguments().parse_args()))
