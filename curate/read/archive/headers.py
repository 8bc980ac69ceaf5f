"""Header fields as they are found in crawls: lines that end in CR LF or LF alone, folded values, doubled names, a blank line forgotten."""

import re
from collections.abc import Iterable

_FIELD = re.compile(rb":?([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:[ \t]*(.*)", re.S)


class Fields:
    """Names in lower case to values. `get` gives the first value that is not empty, `all` every one in order."""

    def __init__(self) -> None:
        self._values: dict[str, list[str]] = {}
        self._last: list[str] | None = None

    def add_line(self, line: bytes) -> bool:
        """Take a line without its end: a field, or more of the value of the last one. Returns whether it is either."""
        if line[:1] in b" \t" and line and self._last is not None:
            self._last[-1] = f"{self._last[-1]} {_text(line)}".strip()
            return True
        match = _FIELD.fullmatch(line)
        if match is None:
            return False
        self.add(match[1].decode("ascii").lower(), _text(match[2]))
        return True

    def add(self, name: str, value: str) -> None:
        """One more value of a name in lower case."""
        self._last = self._values.setdefault(name, [])
        self._last.append(value)

    def get(self, name: str) -> str:
        """The first value that is not empty, else ""."""
        return next(filter(None, self._values.get(name, ())), "")

    def all(self, name: str) -> list[str]:
        """All values."""
        return self._values.get(name, [])

    def tokens(self, name: str) -> list[str]:
        """The elements of a list such as `gzip, chunked`, of all fields of the name, in lower case and without parameters."""
        elements: Iterable[str] = ",".join(self.all(name)).split(",")
        return [token for token in (element.partition(";")[0].strip().strip("\"'").lower() for element in elements) if token]


def _text(value: bytes) -> str:
    return value.strip().decode("utf-8", errors="replace")
