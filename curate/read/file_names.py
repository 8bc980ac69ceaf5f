r"""File names as text that can be printed, stored and converted back.

A file name is bytes, which may not be UTF-8 and may contain line feeds or other control characters. Messages, the column `file` and keys hold an escaped
form: bytes that are not UTF-8 and ASCII control characters as `\xff`, Latin-1 control characters as `\u0085`, and the backslash as `\\`. Different names
stay different, and `file_bytes` restores the name.
"""

import os
import re

_ESCAPED = re.compile(r"\\(?:\\|x([0-9a-f]{2})|u([0-9a-f]{4}))")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def file_name(path: str) -> str:
    """A path as the file system gave it → its escaped form."""
    text = os.fsencode(path).replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")
    return _CONTROL.sub(_escaped, text)


def file_bytes(name: str) -> bytes:
    """An escaped form made by `file_name` → the bytes of the path."""
    parts, at = [], 0
    for match in _ESCAPED.finditer(name):
        parts += [name[at : match.start()].encode(), bytes([int(match[1], 16)]) if match[1] else chr(int(match[2], 16)).encode() if match[2] else b"\\"]
        at = match.end()
    return b"".join([*parts, name[at:].encode()])


def os_problem(error: OSError) -> str:
    """The system's message without the path, which messages give beside it and which may not be valid text."""
    return error.strerror or file_name(str(error))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"
