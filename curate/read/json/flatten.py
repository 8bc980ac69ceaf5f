"""Convert JSON arrays and objects that span lines to a stream with one object per line.

Arrays lose their brackets, the commas between their entries become line feeds, and line feeds inside entries become blanks. Several objects on one line get
a line each. A parser of lines can then read all forms in bounded memory, and a line's number is the entry's number.
"""

import json
from collections.abc import Iterator

import numpy as np

from curate.kernels.kernel import inlined, kernel
from curate.read.batch import FileFault

_NEWLINE, _BLANK, _QUOTE, _BACKSLASH, _COMMA, _OPEN_LIST, _CLOSE_LIST, _OPEN, _CLOSE = 10, 32, 34, 92, 44, 91, 93, 123, 125
_DEPTH, _IN_STRING, _ESCAPED, _ENDED, _JUNK, _CLOSED = range(6)
_FIRST_LINES = 20
_HEAD_BYTES = 1 << 20


def json_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """JSON of any of three forms (an array, consecutive objects, lines) → pieces of lines.

    Raises FileFault after the last whole entry if an array or object does not end, or if anything follows the array.
    """
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _HEAD_BYTES or head.count(b"\n") >= _FIRST_LINES:
            break
    start = head.lstrip()[:1]
    if start == b"[" or (start == b"{" and not _has_lines(head)):
        yield from _flattened(head, pieces, is_array=start == b"[")
    else:
        if head:
            yield head
        yield from pieces


def first_keys(pieces: Iterator[bytes]) -> list[str] | None:
    """Keys of the first entries; None if they are not objects, or if the file is damaged before they end."""
    gathered = b""
    try:
        for piece in json_lines(pieces):
            gathered += piece
            if b"\n" in piece:
                break
    except FileFault:
        return None
    whole = gathered.rpartition(b"\n")[0] or gathered
    entries = [_keys(line) for line in whole.split(b"\n")[:_FIRST_LINES] if line.strip()]
    objects = [keys for keys in entries if keys is not None]
    return list(dict.fromkeys(key for keys in objects for key in keys)) if objects else None


def _keys(line: bytes) -> list[str] | None:
    try:
        record = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    return list(record) if isinstance(record, dict) else None


def _has_lines(head: bytes) -> bool:
    """Whether one of the first lines is a complete object. A file of one line satisfies both forms."""
    lines = head.split(b"\n")[:_FIRST_LINES]
    return any(line.startswith(b"{") and _keys(line) is not None for line in lines)


def _flattened(head: bytes, pieces: Iterator[bytes], is_array: bool) -> Iterator[bytes]:
    state = np.zeros(6, np.int64)
    while head:
        data = np.frombuffer(head, np.uint8).copy()
        starts = np.zeros(data.size, bool)
        _flatten(data, state, is_array, starts)
        yield (np.insert(data, np.flatnonzero(starts), _NEWLINE) if starts.any() else data).tobytes()
        if state[_JUNK]:
            raise FileFault("continues after the end of the array")
        head = next(pieces, b"")
    if state[_DEPTH] or (is_array and not state[_ENDED]):
        raise FileFault(f"the JSON {'array' if is_array else 'object'} does not end; the file is cut short")


@inlined
def _in_string(byte: int, escaped: int) -> tuple[int, int]:
    """After a byte of a string: whether the string continues, and whether the next byte is escaped."""
    if escaped:
        return 1, 0
    return int(byte != _QUOTE), int(byte == _BACKSLASH)


@inlined
def _between(byte: int, before: int, depth: int, is_array: bool) -> int:
    """The replacement of a byte outside strings; `before` and `depth` are the nesting levels before and after it."""
    if byte == _NEWLINE:
        return _BLANK if depth > 0 or is_array else _NEWLINE
    if not is_array:
        return byte
    if byte == _COMMA and depth == 1:
        return _NEWLINE
    if before + depth == 1:  # the array's own bracket; its end completes the last entry, whatever follows
        return _BLANK if depth else _NEWLINE
    return byte


@kernel
def _flatten(data: np.ndarray, state: np.ndarray, is_array: bool, starts: np.ndarray) -> None:
    """Change `data` in place; `state` carries over between calls. `starts` is set to True where an object begins on another object's line."""
    depth, in_string, escaped, ended, junk, closed = state[0], state[1], state[2], state[3], state[4], state[5]
    for at in range(data.size):
        byte, before = data[at], depth
        if in_string:
            in_string, escaped = _in_string(byte, escaped)
            if byte == _NEWLINE:
                data[at] = 1  # as invalid in a string as the line feed, but does not end a line
        elif ended:
            junk |= np.int64(byte not in (_BLANK, _NEWLINE, 9, 13))
            data[at] = _BLANK
        else:
            in_string = np.int64(byte == _QUOTE)
            depth += np.int64(byte in (_OPEN, _OPEN_LIST)) - np.int64(byte in (_CLOSE, _CLOSE_LIST) and depth > 0)
            ended = np.int64(is_array and before == 1 and depth == 0)
            starts[at] = not is_array and closed and before == 0 and byte == _OPEN
            closed = np.int64((closed or (before == 1 and depth == 0)) and byte != _NEWLINE and not starts[at])
            data[at] = _between(byte, before, depth, is_array)
    state[0], state[1], state[2], state[3], state[4], state[5] = depth, in_string, escaped, ended, junk, closed
