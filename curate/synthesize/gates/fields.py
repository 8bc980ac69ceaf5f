"""What of a candidate a gate looks at."""

from collections.abc import Sequence

from curate.errors import CurateError
from curate.synthesize.types import Candidate


def field_text(candidate: Candidate, fields: Sequence[str]) -> str:
    """These fields of all its items, a line each; the whole text if there are none. Raises CurateError for a field that an item lacks."""
    if not fields:
        return candidate.text
    for item in candidate.items:
        for field in fields:
            if field not in item:
                raise CurateError(f"gates: items have no field {field!r}; they have {', '.join(sorted(item))}")
    return "\n".join(str(item[field]) for item in candidate.items for field in fields)
