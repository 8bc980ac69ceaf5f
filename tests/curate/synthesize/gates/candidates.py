"""Candidates and gates for the tests of gates."""

from pydantic import TypeAdapter

from curate.synthesize.gates import AnyGate
from curate.synthesize.types import Candidate, SourceDocument
from tests.curate.synthesize.sets import prose, recipe, write_documents

BUILD = TypeAdapter(AnyGate)
SOURCE = "The harbour of Lund was built in 1684 by merchants. Ships from the north bring timber and iron every spring."


def candidate(text: str, sample: int = 0, completion: str = "", language: str = "en", **item: str) -> Candidate:
    document = SourceDocument("ab" * 16, SOURCE, "made", language, "", {}, "f", 0)
    return Candidate(text, document, (SOURCE,), ({"text": text} | item,), "", sample, language=language, completions=(completion,))


def rules(candidates: list[Candidate], **gate: object) -> list[str]:
    return [told.rule if told else "" for told in BUILD.validate_python(gate).judge(candidates)]


def made(tmp_path, *gates: dict[str, object], **task: object):
    return recipe(tmp_path, write_documents(tmp_path / "corpus", prose(3)), "http://unused/v1", task, gates=list(gates))
