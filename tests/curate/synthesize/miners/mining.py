"""Mining a text directly, and texts to mine."""

from pydantic import TypeAdapter

from curate.synthesize.miners import AnyMiner
from curate.synthesize.types import SourceDocument

BUILD = TypeAdapter(AnyMiner)
FILLER = " ".join(f"The harbour master of port {n} keeps a careful record of every ship that enters." for n in range(12))
DEFINITIONS = """(1) “Board” means the Board of Barbers that the Mayor has appointed.

(2) The term “fee” shall mean a charge for a license or a permit.

Fixed cost refers to the cost that does not change with output.

A larger rate means the number is growing more quickly. This refers to the cost of the whole year."""

STATUTE = """§ 3-101. Revocation of a license.

(a) The Board may fine a person who:

(1) Makes a false statement to the Board in writing; or

(2) Fails to pay a fee that the Board has set for the year.

(b) The fine shall be paid within thirty days of the order.

(c) For the purposes of this section, the term:

(1) “Board” means the Board of Barbers that the Mayor has appointed.
"""


def mine(text: str, language: str = "en", **fields: object) -> list[dict[str, str]]:
    return BUILD.validate_python(fields).mine(text, SourceDocument("ab" * 16, text, "made", language, "", {}, "f", 0))
