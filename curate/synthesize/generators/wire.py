"""OpenAI's protocol: a request to JSON, and a response to an answer or a fault."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from curate.synthesize.generators.base import Answer, Request

_DETAIL_CHARS = 300
_TOO_LONG = (
    "context_length",
    "context length",
    "maximum context",
    "context window",
    "context size",
    "too many tokens",
    "longer than the maximum",
    "max_model_len",
)
_RETRIED = frozenset({408, 409, 425, 500, 502, 503, 504, 520, 522, 524, 529})


@dataclass
class RequestFault(Exception):
    """An attempt without an answer."""

    reason: str
    detail: str = ""
    retry_after: float | None = None
    """Seconds that the server asked to wait."""
    fatal: bool = False
    """The fault affects every request."""
    at_server: bool = True
    """The fault counts against the server's health."""


def body_of(request: Request, model: str, *, stream: bool) -> dict[str, Any]:
    """The JSON body of the POST request."""
    body = {"model": model, **request.body, "seed": request.seed}
    body |= {"messages": [{"role": role, "content": text} for role, text in request.messages]} if request.messages else {"prompt": request.prompt}
    return body | ({"stream": True, "stream_options": {"include_usage": True}} if stream else {})


def answer_of(key: str, data: bytes) -> Answer:
    """The answer in a response body. Raises RequestFault if the body holds no answer or an incomplete one."""
    try:
        content = json.loads(data)
        choice = content["choices"][0]
        text = choice["message"]["content"] if "message" in choice else choice["text"]
        usage = content.get("usage") or {}
    except ValueError:
        kind = "html" if data.lstrip()[:1] == b"<" else "not_json"
        raise RequestFault(kind, _shown(data)) from None
    except (LookupError, TypeError, AttributeError):
        raise RequestFault("no_choices", _shown(data)) from None
    return _checked(key, text, choice.get("finish_reason"), usage)


async def streamed_answer(key: str, lines: AsyncIterator[bytes]) -> Answer:
    """The answer in a stream of server-sent events. Raises RequestFault if the stream ends before the completion does."""
    pieces: list[str] = []
    finish = None
    usage: dict[str, Any] = {}
    async for line in lines:
        if not line.startswith(b"data:"):
            if line.lstrip()[:1] == b"<":
                raise RequestFault("html", _shown(line))
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            break
        try:
            event = json.loads(data)
            usage = event.get("usage") or usage
            for choice in event["choices"][:1]:
                pieces.append((choice["delta"].get("content") if "delta" in choice else choice["text"]) or "")
                finish = choice.get("finish_reason") or finish
        except (ValueError, LookupError, TypeError, AttributeError):
            raise RequestFault("not_json", _shown(data)) from None
    if finish is None:
        raise RequestFault("cut_off", "the stream ended before the completion did")
    return _checked(key, "".join(pieces), finish, usage)


def _checked(key: str, text: Any, finish: Any, usage: dict[str, Any]) -> Answer:
    if text is None or not str(text).strip():
        raise RequestFault("empty", f"finish reason {finish}", at_server=False)
    return Answer(key, str(text), str(finish or ""), int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))


def fault_of(status: int, headers: Any, data: bytes) -> RequestFault:
    """The fault that an HTTP error response stands for."""
    detail = f"HTTP {status}: {_message(data)}"
    wait = _seconds(headers.get("Retry-After"))
    if status == 429:
        # An exhausted quota is also a 429, and waiting does not help.
        return RequestFault("rate_limit", detail, wait, fatal="insufficient_quota" in detail, at_server=False)
    if status in (401, 403):
        return RequestFault("not_allowed", detail, fatal=True)
    if status == 404:
        return RequestFault("not_found", detail, fatal=True)
    if status in _RETRIED or status >= 500:
        return RequestFault("server_error", detail, wait)
    if "chat template" in detail.lower() or "chat_template" in detail.lower():
        return RequestFault("no_chat_template", detail, fatal=True)
    too_long = any(words in detail.lower() for words in _TOO_LONG)
    return RequestFault("context_length" if too_long else "refused", detail, at_server=False)


def _message(data: bytes) -> str:
    try:
        content = json.loads(data)
        error = content.get("error", content)
        return " ".join(str(error.get("message") or error.get("detail") or error).split())[:_DETAIL_CHARS] + (
            f" ({error['code']})" if error.get("code") else ""
        )
    except (ValueError, AttributeError, TypeError):
        return _shown(data)


def _seconds(value: str | None) -> float | None:
    """`Retry-After` in seconds. The header holds a number or a date."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(value)
        return max(0.0, when.timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _shown(data: bytes) -> str:
    return " ".join(data[:_DETAIL_CHARS].decode("utf-8", "replace").split())
