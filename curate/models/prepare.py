"""Text as a fastText classifier reads it; the same words in training and in use, or scores mean nothing.

fastText reads one document a line, splits at blanks, takes `</s>` for the end of the line and `__label__…` for an answer.
"""

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

LABEL = "__label__"


@dataclass(frozen=True)
class TextForm:
    """How text is prepared; stands in the card of every trained model."""

    lowercase: bool = False

    def apply(self, texts: pa.Array) -> pa.Array:
        """(n_docs,) large_string → the same on one line each, without fastText's own marks; nulls become empty."""
        lines = pc.fill_null(texts, "")
        for mark, plain in (("\n", " "), ("</s>", " "), (LABEL, "label ")):
            lines = pc.replace_substring(lines, mark, plain)
        return pc.utf8_lower(lines) if self.lowercase else lines

    def to_json(self) -> dict[str, Any]:
        """As the card holds it, with what is always done in words."""
        return {**asdict(self), "always": "line feeds and </s> become blanks, __label__ becomes 'label '; null is empty"}
