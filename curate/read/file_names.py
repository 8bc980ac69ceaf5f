r"""Names of files as text that can be printed, stored and turned back.

A file's name is bytes; not all are UTF-8, and some hold line feeds or other control characters. In messages, in the column `file` and in keys these
are written out: bytes that are not UTF-8 and ASCII's control characters as `\xff`, those of Latin-1 as `\u0085`, and the backslash itself as `\\`.
Different names stay different, and `file_bytes` gives the name back.
"""

import os
import re

_ESCAPED = re.compile(r"\\(?:\\|x([0-9a-f]{2})|u([0-9a-f]{4}))")
_SHOWN_COLUMNS = 20
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def file_name(path: str) -> str:
    """A path as the file system gave it → as text."""
    text = os.fsencode(path).replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")
    return _CONTROL.sub(_escaped, text)


def file_bytes(name: str) -> bytes:
    """What `file_name` made → the path's bytes."""
    parts, at = [], 0
    for match in _ESCAPED.finditer(name):
        parts += [name[at : match.start()].encode(), bytes([int(match[1], 16)]) if match[1] else chr(int(match[2], 16)).encode() if match[2] else b"\\"]
        at = match.end()
    return b"".join([*parts, name[at:].encode()])


def os_problem(error: OSError) -> str:
    """What the system says, without the path, which is told beside it and may be no text."""
    return error.strerror or file_name(str(error))


def columns_told(names: list[str]) -> str:
    """The columns that there are, for a message; the first ones if there are many."""
    more = f" and {len(names) - _SHOWN_COLUMNS:,} more" if len(names) > _SHOWN_COLUMNS else ""
    return f"it has: {', '.join(names[:_SHOWN_COLUMNS])}{more}" if names else "it has none"


def separator_told(names: list[str], expected: str) -> str:
    """What a message adds if the columns of a CSV or TSV file are one, since something else than `expected` stands between them; else ""."""
    stated = bool(names) and names[0].lower().startswith("sep=")
    found = (names[0][4:5] or expected) if stated else max(_SEPARATORS, key=names[0].count) if len(names) == 1 else ""
    if not found or (not stated and found not in names[0]):
        return ""
    here, wanted = _SEPARATORS.get(found, repr(found)), _SEPARATORS[expected]
    if stated:
        return f"; {wanted} are expected between columns, and the first line says {here}: write the file with {wanted} and without that line"
    return f"; {wanted} are expected between columns, and here are {here}: write the file with {wanted}"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"
