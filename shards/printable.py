r"""External text (messages, file names, URLs, documents) in a form that a terminal shows but does not interpret.

Escaped as in JSON, `\u001b`: control characters (C0, C1, DEL), marks that reorder the following text (bidirectional formatting, "Trojan Source"),
separators at which some terminals break lines, and unpaired surrogates, which UTF-8 output cannot hold. Letters of every script, joiners and emoji
stay.
"""

import logging
import re
import sys

_UNSAFE = "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u206f\\ufeff\\ufff9-\\ufffb\\ud800-\\udfff"
_IN_TEXT = re.compile(f"[{_UNSAFE}]")
_IN_LINE = re.compile(f"[\t\n{_UNSAFE}]")
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def printable(text: str) -> str:
    """Text of any number of lines; line feeds and tabs stay."""
    return _IN_TEXT.sub(_escaped, text)


def printable_line(text: str) -> str:
    """Text within a line: line feeds and tabs are escaped too, so that a file name cannot pretend to be a line of ours."""
    return _IN_LINE.sub(_escaped, text)


def log_printably(level: int) -> None:
    """Send log lines and Python's warnings to standard error, escaped. Every process that may log calls it, workers too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PrintableFormatter("%(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    logging.captureWarnings(True)


class _PrintableFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def _escaped(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or f"\\u{ord(match[0]):04x}"
