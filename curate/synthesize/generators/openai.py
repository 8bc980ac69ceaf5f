"""The HTTP generator: many requests in flight to one or more servers, each retried until it is answered or has failed for good."""

import asyncio
import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from curate.errors import CurateError
from curate.synthesize.generators.base import Answer, Reply, Request, RetryListener, Take, Unanswered
from curate.synthesize.generators.limits import Pace, SpendBudget
from curate.synthesize.generators.recipe import OpenAIRecipe
from curate.synthesize.generators.servers import Servers, ServerState
from curate.synthesize.generators.wire import RequestFault, answer_of, body_of, fault_of, streamed_answer

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_BYTES_PER_TOKEN = 4.0
_CHECK_SECONDS = 60.0
"""A server without an answer for this long is not ready. A busy server may take some seconds."""
_CHECK_TRIES = 3
_READY_KEY = "ready"
"""X-Request-Id of the request that checks whether a server is ready."""
_ALIVE = frozenset({"empty", "context_length", "refused", "rate_limit"})
"""Faults of a server that does answer: one token may be too few for it, or it is busy."""
_LIST_SECONDS = 10.0
_MAX_LISTED = 10
_EMPTY_RETRIES = 2
"""Retries after an empty completion; then the empty completion is the model's answer."""


class OpenAIGenerator:
    """See `Generator`. `share`: this process's part of the rate limits; `budget`: the file of the shared spending counter; `chat`: whether requests
    have messages."""

    def __init__(self, recipe: OpenAIRecipe, budget: Path, share: float = 1.0, *, chat: bool = True) -> None:
        self._recipe, self._chat = recipe, chat
        self._key = api_key(recipe)
        self._http = _import_aiohttp()
        self._session: Any = None
        self._servers = Servers(recipe.base_urls, self._healthy, recipe.down_seconds)
        self._budget = SpendBudget(budget, recipe)
        self._pace = Pace(*(rate and rate * share for rate in (recipe.requests_per_minute, recipe.tokens_per_minute)))
        self._jitter = random.Random()
        self._stopping = False

    async def check(self) -> None:
        """See `Generator.check`. Requests one token from each server, since gateways may lack a list of models, or list models that do not work."""
        problems = dict(zip(self._recipe.base_urls, await asyncio.gather(*(self._patient_problem(url) for url in self._recipe.base_urls)), strict=True))
        if all(problems.values()):
            details = "; ".join(f"{url}: {problem}" for url, problem in problems.items())
            raise CurateError(f"no server is ready: {self._redacted(details)}; start one, or correct generator.base_urls")
        for server in self._servers.servers:
            problem = problems[server.url]
            if problem:
                server.last_fault = self._redacted(problem)
                self._servers.take_down(server)

    async def answer(self, requests: Iterator[Request], take: Take, listener: RetryListener) -> None:
        """See `Generator.answer`."""

        async def work() -> None:
            try:
                for request in requests:
                    await take(await self._ask(request, listener))
                    if self._stopping:
                        break
            except BaseException as error:
                # An error that ends this worker ends the others too, but only after the requests in flight, which are paid for.
                self._stopping = True
                errors.append(error)

        self._stopping, errors = False, list[BaseException]()
        workers = [asyncio.ensure_future(work()) for _ in range(self._recipe.concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
        if errors:
            raise errors[0]

    def count_tokens(self, text: str) -> float:
        """An estimate: UTF-8 bytes / 4."""
        return len(text.encode("utf-8", "replace")) / _BYTES_PER_TOKEN

    async def close(self) -> None:
        """See `Generator.close`."""
        await self._servers.close()
        if self._session is not None:
            await self._session.close()

    async def _ask(self, request: Request, listener: RetryListener) -> Reply:
        """Try until there is an answer, a permanent failure, or no retry left."""
        n_faults, started, failed_on = 0, time.monotonic(), _FailedOn()
        while True:
            try:
                return await self._try(request, failed_on)
            except RequestFault as fault:
                detail = self._redacted(fault.detail)
                if fault.fatal:
                    raise CurateError(self._fatal(fault.reason, detail)) from None
                if fault.reason in ("context_length", "refused"):
                    return Answer(request.key, failure=fault.reason, detail=detail)
                if fault.reason == "empty" and n_faults >= min(_EMPTY_RETRIES, self._recipe.retries):
                    return Answer(request.key, failure="empty", detail=detail)
                is_busy = fault.reason == "rate_limit"
                n_faults += not is_busy
                if self._stopping or n_faults > self._recipe.retries or (is_busy and time.monotonic() - started > self._recipe.patience_seconds):
                    return Unanswered(request.key, fault.reason, detail, request.row)
                listener.retried(fault.reason)
                await asyncio.sleep(self._wait(max(n_faults, 1), fault.retry_after))

    async def _try(self, request: Request, failed_on: "_FailedOn") -> Answer:
        body = body_of(request, self._recipe.model, stream=self._recipe.stream)
        prompt_bytes = sum(len(text.encode("utf-8", "replace")) for _, text in request.messages) + len(request.prompt.encode("utf-8", "replace"))
        max_tokens = int(request.body.get("max_tokens", 0))
        await self._pace.wait(prompt_bytes / _BYTES_PER_TOKEN + max_tokens)
        if self._stopping:
            raise RequestFault("stopped", at_server=False)
        reserved = self._budget.maximum(prompt_bytes, max_tokens)
        await self._budget.reserve(reserved)
        answer = None
        try:
            answer = await self._post_to_a_server(request, body, failed_on)
            return answer
        finally:
            self._budget.settle(reserved, answer)

    async def _post_to_a_server(self, request: Request, body: dict[str, Any], failed_on: "_FailedOn") -> Answer:
        server = await self._servers.acquire(failed_on.server)
        fault: RequestFault | None = None
        try:
            answer = await self._post(server, request, body)
        except RequestFault as error:
            fault = error
        except TimeoutError:
            fault = RequestFault("timeout", f"no answer within {self._recipe.timeout_seconds:g} s")
        except self._http.ClientPayloadError as error:
            fault = RequestFault("cut_off", _described(error))
        except (self._http.ClientError, OSError) as error:
            fault = RequestFault("connection", _described(error))
        except BaseException:
            self._servers.failed(server, "", at_server=False)
            raise
        if fault is None:
            self._servers.succeeded(server)
            return answer
        self._servers.failed(server, self._redacted(f"{fault.reason}: {fault.detail}"), at_server=fault.at_server)
        failed_on.server = server
        if fault.retry_after:
            self._servers.pause(server, fault.retry_after)
        raise fault

    async def _post(self, server: ServerState, request: Request, body: dict[str, Any]) -> Answer:
        url = f"{server.url}/{'chat/completions' if request.messages else 'completions'}"
        async with self._open().post(url, json=body, headers={"X-Request-Id": request.key}, proxy=_proxy(server.url)) as response:
            if response.status != 200:
                raise fault_of(response.status, response.headers, await response.read())
            if self._recipe.stream and "event-stream" in response.headers.get("Content-Type", ""):
                return await streamed_answer(request.key, response.content)
            return answer_of(request.key, await response.read())

    def _open(self) -> Any:
        if self._session is None:
            recipe = self._recipe
            timeout = self._http.ClientTimeout(
                total=None if recipe.stream else recipe.timeout_seconds, sock_read=recipe.timeout_seconds, sock_connect=recipe.connect_seconds
            )
            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            self._session = self._http.ClientSession(timeout=timeout, headers=headers, connector=self._http.TCPConnector(limit=0), read_bufsize=1 << 20)
        return self._session

    async def _patient_problem(self, url: str) -> str | None:
        """`_problem`, repeated while the server returns errors, but not if it cannot be reached."""
        for n_tries in range(1, _CHECK_TRIES + 1):
            try:
                return await self._problem(url)
            except RequestFault as fault:
                problem = f"{fault.reason}: {fault.detail}"
            if n_tries < _CHECK_TRIES:
                await asyncio.sleep(self._wait(n_tries, None))
        return problem

    async def _problem(self, url: str) -> str | None:
        """Why a server cannot be reached; None if it answers requests. Raises RequestFault for a server error, CurateError for a wrong key or model."""
        try:
            async with asyncio.timeout(min(_CHECK_SECONDS, self._recipe.timeout_seconds)):
                await self._ask_for_one_token(url)
        except RequestFault as fault:
            if fault.reason in _ALIVE and not fault.fatal:
                return None
            if fault.fatal:
                listed = await self._listed_models(url) if fault.reason == "not_found" else ""
                raise CurateError(self._fatal(fault.reason, self._redacted(fault.detail), listed)) from None
            raise
        except TimeoutError:
            return f"no answer within {min(_CHECK_SECONDS, self._recipe.timeout_seconds):g} s"
        except (self._http.ClientError, OSError, ValueError) as error:
            return _described(error)
        return None

    async def _ask_for_one_token(self, url: str) -> None:
        prompt = "Hello"
        request = Request(_READY_KEY, (("user", prompt),) if self._chat else (), "" if self._chat else prompt, {"max_tokens": 1}, 0, 0)
        reserved = self._budget.maximum(len(prompt), 1)
        await self._budget.reserve(reserved)
        answer = None
        try:
            answer = await self._post(ServerState(url), request, body_of(request, self._recipe.model, stream=self._recipe.stream))
        finally:
            self._budget.settle(reserved, answer)

    async def _listed_models(self, url: str) -> str:
        """Names of the models that a server lists, for a message; "" if it lists none."""
        try:
            async with self._open().get(f"{url}/models", timeout=self._http.ClientTimeout(total=_LIST_SECONDS), proxy=_proxy(url)) as response:
                content = json.loads(await response.read())
                names = [str(model["id"]) for model in content["data"]]
        except (self._http.ClientError, OSError, TimeoutError, ValueError, LookupError, TypeError):
            return ""
        return ", ".join(names[:_MAX_LISTED]) + (", …" if len(names) > _MAX_LISTED else "")

    async def _healthy(self, url: str) -> bool:
        try:
            return await self._problem(url) is None
        except (RequestFault, CurateError):
            return False

    def _wait(self, n_faults: int, retry_after: float | None) -> float:
        longest = min(_FIRST_WAIT * 2 ** (n_faults - 1), _LONGEST_WAIT)
        return (retry_after or 0.0) + self._jitter.uniform(0, longest)

    def _fatal(self, reason: str, detail: str, listed: str = "") -> str:
        name = self._recipe.api_key_env
        key = f"the key in {name} is refused" if name else "a key is required; name its environment variable in generator.api_key_env"
        explanation = {
            "not_allowed": key,
            "not_found": f"model {self._recipe.model!r} or the address is unknown to the server; "
            + (f"it lists {listed}" if listed else "`curl BASE_URL/models` may list its models"),
            "no_chat_template": f"model {self._recipe.model!r} has no chat template; use a task with prompt.completion, or give the server a template",
            "rate_limit": "the account's quota is used up",
        }[reason]
        return f"{', '.join(self._recipe.base_urls)}: {explanation} ({detail}); answers so far are kept"

    def _redacted(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text


@dataclass
class _FailedOn:
    """The server on which a request failed last."""

    server: ServerState | None = None


def api_key(recipe: OpenAIRecipe) -> str:
    """The key from the environment; "" if the recipe names no variable. Raises CurateError if the variable is not set."""
    if not recipe.api_key_env:
        return ""
    key = os.environ.get(recipe.api_key_env, "").strip()
    if not key:
        raise CurateError(f"generator.api_key_env: {recipe.api_key_env} is not set in the environment; export it and rerun")
    return key


@lru_cache(maxsize=1024)
def _proxy(url: str) -> str | None:
    """The proxy that the environment sets for an address. aiohttp's own lookup starts a thread per request."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


def _described(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _import_aiohttp() -> Any:
    try:
        import aiohttp
    except ImportError:
        raise CurateError("generator.kind openai needs aiohttp: pip install 'cptkit[synth]'") from None
    return aiohttp
