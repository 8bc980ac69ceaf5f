"""Whether an error means that memory ran out: libraries report it in many ways, and some hide it behind another error."""

import errno
import mmap

_WORDS = ("cannot allocate memory", "failed to map segment", "std::bad_alloc", "can't start new thread", "not enough memory", "out of memory")
_ROOM_BYTES = 256 << 20
"""A process that cannot allocate this much is out of memory, whatever the error says."""

ADVICE = "give it fewer workers or smaller batches, or a machine with more memory, and rerun to resume"


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether memory was the reason: the error or one of its causes says so, or this process can allocate no more."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError) or (isinstance(cause, OSError) and cause.errno == errno.ENOMEM):
            return True
        if any(words in str(cause).lower() for words in _WORDS):
            return True
        cause = cause.__cause__ or cause.__context__
    return not _has_room()


def _has_room() -> bool:
    try:
        mmap.mmap(-1, _ROOM_BYTES).close()
    except (OSError, MemoryError):
        return False
    return True
