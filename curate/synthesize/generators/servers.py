"""A list of servers: which one gets the next request, which ones are paused, and which ones are down."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from curate.errors import CurateError

FAULTS_TO_OPEN = 8
"""Consecutive faults after which a server gets no requests until a health check succeeds."""
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_FAULT_WEIGHT = 4
"""A recent fault counts as this many requests in flight."""


@dataclass
class ServerState:
    """The state of one server."""

    url: str
    in_flight: int = 0
    faults: int = 0
    """Consecutive faults."""
    paused_until: float = 0.0
    """The server asked for no requests before this time."""
    down_since: float | None = None
    trips: int = 0
    """Health checks since its last answer. While above 0, it gets one request at a time."""
    last_fault: str = ""


@dataclass
class Servers:
    """`healthy` checks whether a server answers requests. Times are those of the monotonic clock."""

    urls: Sequence[str]
    healthy: Callable[[str], Awaitable[bool]]
    down_seconds: float
    servers: list[ServerState] = field(init=False)

    def __post_init__(self) -> None:
        self.servers = [ServerState(url) for url in self.urls]
        self._checks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    async def acquire(self, avoid: ServerState | None = None) -> ServerState:
        """Wait for a usable server, count one more request in flight on it, and return it: the one with the fewest, where each fault counts as several.

        Faults count because a server that fails at once is never busy. A request that failed on `avoid` goes to another server if possible.
        Raises CurateError if all servers have been down for too long.
        """
        while True:
            now = time.monotonic()
            up = [server for server in self.servers if server.down_since is None]
            ready = [server for server in up if server.paused_until <= now and not (server.trips and server.in_flight)]
            if ready:
                chosen = min(ready, key=lambda server: (server is avoid, server.in_flight + _FAULT_WEIGHT * server.faults))
                chosen.in_flight += 1
                return chosen
            if not up:
                self._refuse_if_hopeless(now)
            await self._wait(min((server.paused_until for server in up if server.paused_until > now), default=now + 1) - now)

    def succeeded(self, server: ServerState) -> None:
        """Record a complete answer."""
        server.in_flight -= 1
        server.faults = server.trips = 0
        self._changed.set()

    def failed(self, server: ServerState, detail: str, *, at_server: bool) -> None:
        """Record a request without an answer; with `at_server` it counts as a fault of the server."""
        server.in_flight -= 1
        self._changed.set()
        if not at_server:
            return
        server.faults += 1
        server.last_fault = detail
        if server.faults >= FAULTS_TO_OPEN and server.down_since is None:
            self.take_down(server)

    def pause(self, server: ServerState, seconds: float) -> None:
        """Send no request to a server for `seconds`."""
        server.paused_until = max(server.paused_until, time.monotonic() + seconds)

    def take_down(self, server: ServerState) -> None:
        """Send no request to a server until its health check succeeds."""
        logging.warning("%s: no answers (%s); it gets no requests until it is healthy again", server.url, server.last_fault)
        server.down_since = time.monotonic()
        check = asyncio.get_running_loop().create_task(self._revive(server))
        self._checks.add(check)
        check.add_done_callback(self._checks.discard)

    async def close(self) -> None:
        """Cancel the health checks."""
        for check in list(self._checks):
            check.cancel()
        await asyncio.gather(*self._checks, return_exceptions=True)

    async def _revive(self, server: ServerState) -> None:
        while True:
            await asyncio.sleep(min(_FIRST_WAIT * 2**server.trips, _LONGEST_WAIT))
            server.trips += 1
            if await self.healthy(server.url):
                break
        # One more fault takes it down again; one answer resets the count.
        server.down_since, server.faults = None, FAULTS_TO_OPEN - 1
        logging.info("%s: healthy again", server.url)
        self._changed.set()

    async def _wait(self, seconds: float) -> None:
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), max(0.01, min(seconds, 1.0)))
        except TimeoutError:
            return

    def _refuse_if_hopeless(self, now: float) -> None:
        if all(server.down_since is not None and now - server.down_since > self.down_seconds for server in self.servers):
            details = "; ".join(f"{server.url} ({server.last_fault})" for server in self.servers)
            raise CurateError(f"no server has answered for {self.down_seconds:.0f} s: {details}; answers so far are kept; start a server and rerun")
