"""A list of servers: who gets the next request, who must be left alone for a while, who is down."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from curate.errors import CurateError

FAULTS_TO_OPEN = 8
"""Faults in a row after which a server gets no requests until a health check succeeds."""
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_FAULT_WEIGHT = 4
"""Requests in flight that a fault counts as."""


@dataclass
class Server:
    """One address."""

    url: str
    in_flight: int = 0
    faults: int = 0
    """In a row."""
    held_until: float = 0.0
    """It asked not to be asked before."""
    down_since: float | None = None
    trips: int = 0
    """Times it was taken down since its last answer. After the first, one request at a time tries it."""
    last_fault: str = ""


@dataclass
class Servers:
    """`healthy` asks whether a server answers requests. Times are of the monotonic clock."""

    urls: Sequence[str]
    healthy: Callable[[str], Awaitable[bool]]
    down_seconds: float
    servers: list[Server] = field(init=False)

    def __post_init__(self) -> None:
        self.servers = [Server(url) for url in self.urls]
        self._checks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    async def acquire(self, avoid: Server | None = None) -> Server:
        """An open server, counted as busier by one: the one with the fewest requests in flight, each fault of late counted as several.

        A server that fails at once is never busy, so faults must count, and a request that failed on one goes elsewhere (`avoid`) if it can.
        Raises CurateError if all have been down for too long.
        """
        while True:
            now = time.monotonic()
            up = [server for server in self.servers if server.down_since is None]
            ready = [server for server in up if server.held_until <= now and not (server.trips and server.in_flight)]
            if ready:
                chosen = min(ready, key=lambda server: (server is avoid, server.in_flight + _FAULT_WEIGHT * server.faults))
                chosen.in_flight += 1
                return chosen
            if not up:
                self._refuse_if_hopeless(now)
            await self._wait(min((server.held_until for server in up if server.held_until > now), default=now + 1) - now)

    def succeeded(self, server: Server) -> None:
        """A whole answer came."""
        server.in_flight -= 1
        server.faults = server.trips = 0
        self._changed.set()

    def failed(self, server: Server, detail: str, *, at_server: bool) -> None:
        """No answer came; with `at_server` it speaks against its health."""
        server.in_flight -= 1
        self._changed.set()
        if not at_server:
            return
        server.faults += 1
        server.last_fault = detail
        if server.faults >= FAULTS_TO_OPEN and server.down_since is None:
            self.take_down(server)

    def hold(self, server: Server, seconds: float) -> None:
        """Send nothing to it for so long."""
        server.held_until = max(server.held_until, time.monotonic() + seconds)

    def take_down(self, server: Server) -> None:
        """Leave a server alone until its health check succeeds."""
        logging.warning("%s: no answers (%s); it gets no requests until it is healthy again", server.url, server.last_fault)
        server.down_since = time.monotonic()
        check = asyncio.get_running_loop().create_task(self._revive(server))
        self._checks.add(check)
        check.add_done_callback(self._checks.discard)

    async def close(self) -> None:
        """End the health checks."""
        for check in list(self._checks):
            check.cancel()
        await asyncio.gather(*self._checks, return_exceptions=True)

    async def _revive(self, server: Server) -> None:
        while True:
            await asyncio.sleep(min(_FIRST_WAIT * 2**server.trips, _LONGEST_WAIT))
            server.trips += 1
            if await self.healthy(server.url):
                break
        # One more fault takes it down again, one answer clears it.
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
            told = "; ".join(f"{server.url} ({server.last_fault})" for server in self.servers)
            raise CurateError(f"no server answers, for {self.down_seconds:.0f} s: {told}; answers so far are kept; start a server and run again")
