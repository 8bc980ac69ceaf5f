"""Tables that can be read on any screen: headers with scope, and in each cell the name of its column, which a phone shows beside it."""

import html
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

_TAG = re.compile(r"<(/?)(tr|td|th)\b([^>]*)>")
_SPAN = re.compile(r'colspan="(\d+)"')


def labelled(rows: "Markup", columns: Sequence[str | Sequence[str]]) -> "Markup":
    """Rows of a table, each cell with the label and the class of its column; the first cell of a row becomes its header.

    A column is its label, or (label, class). Rows hold no other tables.
    """
    from markupsafe import Markup

    names = [(column, "") if isinstance(column, str) else (column[0], column[1]) for column in columns]
    done: list[str] = []
    index, end, closing = 0, 0, ""
    for tag in _TAG.finditer(rows):
        close, kind, attributes = tag.groups()
        done.append(rows[end : tag.start()])
        end = tag.end()
        if kind == "tr":
            index = 0
            done.append(tag[0])
        elif close:
            done.append(closing)
        else:
            done.append(_opening(attributes, index, names))
            closing = "</th>" if index == 0 else "</td>"
            span = _SPAN.search(attributes)
            index += int(span[1]) if span else 1
    return Markup("".join([*done, rows[end:]]))


def _opening(attributes: str, index: int, names: list[tuple[str, str]]) -> str:
    if index == 0:
        scope = "rowgroup" if _SPAN.search(attributes) else "row"
        return f'<th scope="{scope}"{attributes}>'
    label, kind = names[index]
    if kind:
        attributes = re.sub(r'class="', f'class="{kind} ', attributes, count=1) if 'class="' in attributes else f'{attributes} class="{kind}"'
    return f'<td data-label="{html.escape(str(label))}"{attributes}>'
