"""Whether an error means that memory ran out: libraries say so in many ways, and some hide it behind another error."""

import errno
import mmap

_WORDS = ("cannot allocate memory", "failed to map segment", "std::bad_alloc", "can't start new thread", "not enough memory", "out of memory")
_ROOM_BYTES = 256 << 20
"""A process that cannot get so much more is at the end of its memory, whatever the error says."""

ADVICE = "give it fewer workers or smaller batches, or a machine with more memory, and rerun to resume"


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether memory was the reason: the error or one behind it says so, or this process can get no more of it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) or (isinstance(seen, OSError) and seen.errno == errno.ENOMEM):
            return True
        if any(words in str(seen).lower() for words in _WORDS):
            return True
        seen = seen.__cause__ or seen.__context__
    return not _has_room()


def _has_room() -> bool:
    try:
        mmap.mmap(-1, _ROOM_BYTES).close()
    except (OSError, MemoryError):
        return False
    return True
