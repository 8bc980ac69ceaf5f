"""SIGTERM, SIGINT and SIGUSR1 (which schedulers send before the time limit) ask a run to stop after the current step, so that it can save first."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class StopRequest:
    """True once a signal has asked the run to stop; `signal_name` says which."""

    def __init__(self) -> None:
        self.signal_name: str | None = None

    def __bool__(self) -> bool:
        return self.signal_name is not None


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Within this context, the first signal only sets the request; a second one acts as usual. The old handlers are restored at the end."""
    request = StopRequest()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    usual = signal.set_wakeup_fd(-1)  # the watcher that ends other commands at once must not see the first signal

    def act_as_usual() -> None:
        signal.set_wakeup_fd(usual, warn_on_full_buffer=False)
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, _: FrameType | None) -> None:
        request.signal_name = signal.Signals(number).name
        logging.warning("%s: finishing the step, then saving; a second signal ends the run at once", request.signal_name)
        act_as_usual()

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield request
    finally:
        act_as_usual()
