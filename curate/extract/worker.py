"""The process that extracts: it reads pages from stdin and writes their texts to stdout, one at a time.

The CPU-time alarm or a crash in a C library may end it at any page; the process that started it notices and starts another.
"""

import resource
import signal
import struct
import sys
from typing import BinaryIO

from curate.extract.html import Extract, decode_page, load_extractor
from shards.processes import end_with

REQUEST = struct.Struct("<IB")  # sizes in bytes of the page and of the charset's name; name and page follow
REPLY = struct.Struct("<BI")  # `TEXT` or `FAILED`, size in bytes of the UTF-8 text that follows
TEXT, FAILED = 0, 1
_MAX_MEMORY = 4 << 30
"""Address space in bytes; parsers need about fifty times a page's size."""


def serve(name: str, seconds: float, requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer requests until stdin ends. A page that takes more than `seconds` of CPU time ends the process by SIGPROF, which is not handled."""
    extract = load_extractor(name)
    while header := requests.read(REQUEST.size):
        n_bytes, n_charset = REQUEST.unpack(header)
        charset = requests.read(n_charset).decode("ascii", errors="replace")
        page = requests.read(n_bytes)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        kind, text = _attempt(extract, page, charset)
        signal.setitimer(signal.ITIMER_PROF, 0)
        reply = text.encode(errors="replace")
        replies.write(REPLY.pack(kind, len(reply)) + reply)
        replies.flush()


def _attempt(extract: Extract, page: bytes, charset: str) -> tuple[int, str]:
    try:
        return TEXT, extract(decode_page(page, charset or None))
    except Exception as error:
        return FAILED, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"


def main() -> None:
    """Run as `python -m curate.extract.worker NAME SECONDS PIPE`; ends when the other end of PIPE is closed."""
    end_with(int(sys.argv[3]))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
    replies, sys.stdout = sys.stdout.buffer, sys.stderr  # keep a library's output out of the replies
    serve(sys.argv[1], float(sys.argv[2]), sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
