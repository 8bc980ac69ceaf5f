"""How a command ends on SIGINT (Ctrl-C) and SIGTERM: it kills its workers, prints one line, and exits within a moment.

Nothing is tidied up, because a kill at any moment loses nothing: finished work is committed, and the same command redoes the rest. So a separate
thread can end the process while the main thread is deep in a library. The interpreter writes a signal's number into a pipe as soon as it arrives,
and the thread reads from the other end.
"""

import os
import signal
import sys
import threading
import time
from types import FrameType

from shards.processes import end_children

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""128 plus the signal's number, as in shells."""
_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
_ending = threading.Event()


def end_on_signals() -> None:
    """Make SIGINT and SIGTERM end this process as above. A signal ignored at the start (`nohup`, `&` in a script) stays ignored.

    To handle signals differently, call `signal.set_wakeup_fd(-1)` and install other handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for number in EXIT_CODES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _heard)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(reader,), daemon=True, name="signals").start()


def wait_if_ending() -> None:
    """Call it before reporting an error: it does not return if a signal is ending this process, because then the error is that workers were killed."""
    while _ending.is_set():
        time.sleep(1)


def closing_words(number: int) -> str:
    """The line that reports a signal."""
    return f"{_WORDS[signal.Signals(number)]} ({signal.Signals(number).name}); rerun the same command to resume"


def exit_by(name: str) -> None:
    """Exit as signal `name` requests, with its line, after a command handled it. SIGUSR1 only announces the end: it exits with 0."""
    number = signal.Signals[name]
    if number in EXIT_CODES:
        print(f"error: {closing_words(number)}", file=sys.stderr)
        sys.exit(EXIT_CODES[number])


def _heard(number: int, frame: FrameType | None) -> None:
    """Runs in the main thread, before it can notice that the same signal ended its workers."""
    _ending.set()


def _wait(reader: int) -> None:
    while True:
        for number in os.read(reader, 1):
            if number in EXIT_CODES:
                _end(number)


def _end(number: int) -> None:
    _ending.set()
    end_children()
    clear = "\r\x1b[2K\x1b[?25h" if sys.stderr is not None and sys.stderr.isatty() else ""  # clear a progress bar's line, and show the cursor that it hid
    os.write(2, f"{clear}error: {closing_words(number)}\n".encode())
    os._exit(EXIT_CODES[signal.Signals(number)])
