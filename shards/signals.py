"""How a command ends on SIGINT (Ctrl-C) and SIGTERM: its workers are killed, one line is said, and it is gone, all within a moment.

Nothing is tidied up on the way, since a kill at any moment loses nothing: what is finished is committed, what is not is done again by the same
command. So a thread of its own can end the process while the main thread is deep in a library. The interpreter writes a signal's number into a
pipe as soon as it comes, and the thread waits at the other end.
"""

import os
import signal
import sys
import threading
import time
from types import FrameType

from shards.processes import end_children

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""128 and the signal's number, as shells have it."""
_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
_ending = threading.Event()


def end_on_signals() -> None:
    """From now on SIGINT and SIGTERM end this process as above. One that it was started to ignore (`nohup`, `&` in a script) stays ignored.

    Whoever wants to answer signals in another way takes them with `signal.set_wakeup_fd(-1)` and handlers of its own.
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


def stand_aside() -> None:
    """To be called before an error is told: does not return if a signal is ending this process, for then its workers' end is no news."""
    while _ending.is_set():
        time.sleep(1)


def closing_words(number: int) -> str:
    """The line that tells of a signal."""
    return f"{_WORDS[signal.Signals(number)]} ({signal.Signals(number).name}); rerun the same command to resume"


def exit_by(name: str) -> None:
    """Exit as a signal asked, saying so, after a command did what it does of itself at one. SIGUSR1 only announces the end: that exits with 0."""
    number = signal.Signals[name]
    if number in EXIT_CODES:
        print(f"error: {closing_words(number)}", file=sys.stderr)
        sys.exit(EXIT_CODES[number])


def _heard(number: int, frame: FrameType | None) -> None:
    """The main thread's part: it comes here before it can notice that its workers have met the same signal."""
    _ending.set()


def _wait(reader: int) -> None:
    while True:
        for number in os.read(reader, 1):
            if number in EXIT_CODES:
                _end(number)


def _end(number: int) -> None:
    _ending.set()
    end_children()
    clear = "\r\x1b[2K\x1b[?25h" if sys.stderr is not None and sys.stderr.isatty() else ""  # a progress bar's line, and the cursor that it hid
    os.write(2, f"{clear}error: {closing_words(number)}\n".encode())
    os._exit(EXIT_CODES[signal.Signals(number)])
