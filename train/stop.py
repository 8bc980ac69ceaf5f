"""SIGTERM, SIGUSR1 (which schedulers send before the time is up) and SIGINT ask a run to stop after its step, so that it can save first."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class StopRequest:
    """Whether a signal has asked the run to stop, and which."""

    def __init__(self) -> None:
        self.signal_name: str | None = None

    def __bool__(self) -> bool:
        return self.signal_name is not None


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Inside, the first of them is only noted; a second one acts as usual. Handlers are put back at the end."""
    request = StopRequest()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def note(number: int, _: FrameType | None) -> None:
        request.signal_name = signal.Signals(number).name
        logging.info("%s: finishing the step, then saving", request.signal_name)
        for one, handler in before.items():
            signal.signal(one, handler)

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
