"""Recognises SentencePiece model files by their first bytes, whatever their names."""

import re
from pathlib import Path

_HEAD_BYTES = 512
_MOST_FILES = 1000
# A protobuf message whose first field is a piece: its length, then its text, then its score as a little-endian float.
_PIECE = re.compile(rb"\x0a([\x01-\x7f])\x0a([\x01-\x7f])", re.DOTALL)


def looks_like_sentencepiece(file: Path) -> bool:
    """Whether a file begins like a SentencePiece model; False for an unreadable file."""
    try:
        with file.open("rb") as handle:
            head = handle.read(_HEAD_BYTES)
    except OSError:
        return False
    match = _PIECE.match(head)
    if match is None:
        return False
    n_message, n_text = match[1][0], match[2][0]
    return n_message >= n_text + 7 and head[4 + n_text : 5 + n_text] == b"\x15"


def find_sentencepiece(folder: Path) -> Path | None:
    """The first file of a folder, by name, that is a SentencePiece model by its content or is named `*.model`; None if there is none."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())[:_MOST_FILES]
    except OSError:
        return None
    return next((file for file in files if file.suffix == ".model" or looks_like_sentencepiece(file)), None)
