"""Personal data: recall and precision by kind on labelled text, finds and speed on other text, against datatrove and presidio's patterns.

    python -m benchmarks.pii --input FILE.jsonl[.gz|.zst] [--labelled FILE.json] [--regions US,GB,…]

`--labelled`: the format of presidio-research, a list of {full_text, spans: [{entity_type, start_position, end_position}]}. A find counts if
it overlaps a labelled span of its kind; one that overlaps none is a false one. `--input` is for speed, finds for each megabyte, and agreement:
ours with mail and IP alone against datatrove's PIIFormatter with the same placeholders, the share of documents that come out alike.
presidio-analyzer takes part if it is installed, with its recognisers that need no model.
"""

import argparse
import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
from datatrove.pipeline.formatters import PIIFormatter

from benchmarks.harness import print_result, read_texts, timed, use_one_core
from curate.rewrite.pii.find import find_pii, replace_pii
from curate.rewrite.pii.kinds import KINDS, PLACEHOLDERS

LABELS = {
    "EMAIL_ADDRESS": "email",
    "IP_ADDRESS": "ip",
    "IBAN_CODE": "iban",
    "CREDIT_CARD": "card",
    "US_SSN": "ssn",
    "PHONE_NUMBER": "phone",
}
WARM_UP = ["Mail me@example.com, 81.2.69.160, +1 212 736 5000, api_key = 9fK2xQ7LmZp4RtVb8WcY."]
N_SHOWN = 5
Span = tuple[int, str, int, int]
"""Document, kind, first character, end."""


def main() -> None:
    """Measure, compare, print; the last line is one JSON object, speeds in MB (10^6 bytes) of UTF-8 a second of CPU time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--input", type=Path, required=True, help="JSONL with a `text` field, plain, .gz or .zst")
    parser.add_argument("--limit", type=int, help="documents to take")
    parser.add_argument("--labelled", type=Path, help="labelled text as presidio-research has it")
    parser.add_argument("--regions", default="US", help="countries whose national telephone numbers count, with commas between")
    options = parser.parse_args()
    use_one_core()
    regions = tuple(options.regions.split(","))
    find_ours(WARM_UP, regions)
    labelled = scores(options.labelled, regions) if options.labelled else {}
    texts = read_texts(options.input, options.limit)
    n_megabytes = sum(len(text.encode()) for text in texts) / 1e6
    found, all_seconds = timed(lambda: find_pii(pa.array(texts, pa.large_string()), regions=regions))
    per_megabyte = {kind: round(float((found.kind == number).sum()) / n_megabytes, 3) for number, kind in enumerate(KINDS)}
    ours, our_seconds = timed(lambda: mail_and_ip(texts))
    formatter = PIIFormatter(email_replacement=PLACEHOLDERS["email"], ip_replacement=PLACEHOLDERS["ip"])
    peers, peer_seconds = timed(lambda: [formatter.format(text) for text in texts])
    different = [row for row in range(len(texts)) if ours[row] != peers[row]]
    print(f"{len(texts)} documents, {n_megabytes:.1f} MB; all kinds {n_megabytes / all_seconds:.1f} MB/s; finds a megabyte: {per_megabyte}")
    for row in different[:N_SHOWN]:
        print(f"document {row} differs: {first_difference(ours[row], peers[row])}")
    print_result(
        {
            "ours": {"mb_per_s": n_megabytes / our_seconds, "mb_per_s_all_kinds": n_megabytes / all_seconds},
            "peer": {"mb_per_s": n_megabytes / peer_seconds},
            "ratio": peer_seconds / our_seconds,
            "agreement": 1 - len(different) / max(len(texts), 1),
            "finds_per_mb": per_megabyte,
            "labelled": labelled,
        }
    )


def mail_and_ip(texts: list[str]) -> list[str]:
    """Texts with both replaced."""
    column = pa.array(texts, pa.large_string())
    return replace_pii(column, find_pii(column, ("email", "ip")), PLACEHOLDERS).to_pylist()


def first_difference(ours: str, peer: str) -> str:
    """The surroundings of the first character at which two texts differ."""
    place = next((i for i, (a, b) in enumerate(zip(ours, peer, strict=False)) if a != b), min(len(ours), len(peer)))
    return f"ours {ours[max(0, place - 30) : place + 25]!r}, datatrove {peer[max(0, place - 30) : place + 25]!r}"


def scores(path: Path, regions: tuple[str, ...]) -> dict[str, Any]:
    """By system and kind: labelled, found of these, false, recall, precision."""
    records = json.loads(path.read_text())
    texts = [record["full_text"] for record in records]
    gold = [
        (doc, LABELS[span["entity_type"]], span["start_position"], span["end_position"])
        for doc, record in enumerate(records)
        for span in record["spans"]
        if span["entity_type"] in LABELS
    ]
    systems = {"ours": find_ours(texts, regions), "datatrove": find_datatrove(texts), "presidio": find_presidio(texts)}
    result = {name: score(gold, found) for name, found in systems.items() if found is not None}
    for name, kinds in result.items():
        for kind, numbers in kinds.items():
            print(f"{name:10} {kind:6} " + "  ".join(f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}" for key, value in numbers.items()))
    for doc, kind, start, end in missed(gold, systems["ours"] or []):
        print(f"missed {kind}: {texts[doc][max(0, start - 25) : start]!r} {texts[doc][start:end]}")
    return result


def score(gold: list[Span], found: list[Span]) -> dict[str, dict[str, Any]]:
    """Of every kind that a system finds at all."""
    result = {}
    for kind in sorted({span[1] for span in found}):
        wanted, own = ([span for span in spans if span[1] == kind] for spans in (gold, found))
        n_found, n_false = len(wanted) - len(missed(wanted, own)), len(missed(own, wanted))
        result[kind] = {"labelled": len(wanted), "found": n_found, "false": n_false, "recall": n_found / max(len(wanted), 1)}
        result[kind]["precision"] = 1 - n_false / max(len(own), 1)
    return result


def missed(wanted: list[Span], found: list[Span]) -> list[Span]:
    """Those that overlap none of the others of their kind."""
    by_doc: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for doc, kind, start, end in found:
        by_doc.setdefault((doc, kind), []).append((start, end))
    return [span for span in wanted if not any(start < span[3] and span[2] < end for start, end in by_doc.get(span[:2], []))]


def find_ours(texts: list[str], regions: tuple[str, ...]) -> list[Span]:
    """All kinds."""
    found = find_pii(pa.array(texts, pa.large_string()), KINDS, regions=regions)
    encoded = [text.encode() for text in texts]
    spans = zip(found.doc.tolist(), found.kind.tolist(), found.start.tolist(), found.end.tolist(), strict=True)
    return [(doc, KINDS[kind], len(encoded[doc][:start].decode()), len(encoded[doc][:end].decode())) for doc, kind, start, end in spans]


def find_datatrove(texts: list[str]) -> list[Span]:
    """Mail and public IP addresses, by its expressions and its check."""
    formatter, spans = PIIFormatter(), []
    for kind, replacer in (("email", formatter.emails_replacer), ("ip", formatter.ip_replacer)):
        for doc, text in enumerate(texts):
            matches = (match for match in replacer.regex.finditer(text) if replacer.validator is None or replacer.validator(match[0]))
            spans += [(doc, kind, match.start(), match.end()) for match in matches]
    return spans


def find_presidio(texts: list[str]) -> list[Span] | None:
    """By presidio's recognisers with patterns and checksums, at its default threshold of 0.4 for patterns; None if it is not installed."""
    try:
        from presidio_analyzer import predefined_recognizers as known
    except ImportError:
        print("presidio-analyzer is not installed, so it does not take part")
        return None
    logging.disable(logging.ERROR)  # it tells at length that it could not fetch a newer list of suffixes
    names = ("EmailRecognizer", "IpRecognizer", "IbanRecognizer", "CreditCardRecognizer", "UsSsnRecognizer", "PhoneRecognizer")
    recognizers = [getattr(known, name)() for name in names]
    spans: Counter[Span] = Counter()
    for recognizer in recognizers:
        for doc, text in enumerate(texts):
            results = recognizer.analyze(text, recognizer.supported_entities, None)
            spans.update((doc, LABELS[one.entity_type], one.start, one.end) for one in results or [] if one.entity_type in LABELS and one.score >= 0.4)
    return list(spans)


if __name__ == "__main__":
    main()
