"""Generated corpora of the flow tests: English-looking documents that pass Gopher and FineWeb, in every format we read."""

import gzip
import io
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

_FUNCTION_WORDS = ["the", "of", "and", "to", "that", "have", "with", "be", "in", "it", "was", "for", "on", "are", "they", "this", "from"]
# fmt: off
_CONTENT_WORDS = [
    "harbour", "engine", "garden", "teacher", "river", "market", "letter", "window", "doctor", "village", "forest",
    "captain", "bridge", "winter", "station", "painter", "morning", "kitchen", "money", "language", "question", "history",
    "children", "mountain", "company", "weather", "journey", "evening", "answer", "picture", "summer", "building", "watched",
    "repaired", "remembered", "followed", "described", "carried", "measured", "forgotten", "admired", "answered", "built", "crossed",
    "finished", "opened", "believed", "written", "learned", "started", "turned", "helped", "quiet", "narrow", "golden",
    "patient", "distant", "heavy", "curious", "modern", "broken", "gentle", "careful", "northern", "early", "certain",
    "public", "common", "simple", "difficult", "possible", "different", "important",
]
# fmt: on


def document(seed: int, n_sentences: int = 12) -> str:
    """English words in no meaning order, a sentence a line; another seed, another text."""
    draw = random.Random(seed)
    sentences = []
    for _ in range(n_sentences):
        words = [draw.choice(_FUNCTION_WORDS if draw.random() < 0.4 else _CONTENT_WORDS) for _ in range(draw.randint(11, 17))]
        sentences.append(" ".join(words).capitalize() + ".")
    return "\n".join(sentences)


def jsonl(records: list[dict[str, object]]) -> bytes:
    """JSON Lines."""
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def warc(pages: list[tuple[str, str, str]]) -> bytes:
    """A gzipped archive of (record type, address, body); responses hold HTML."""
    out = io.BytesIO()
    for kind, url, body in pages:
        payload = body.encode()
        if kind == "response":
            payload = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + payload
        head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
        kind_line = "application/http; msgtype=response" if kind == "response" else "text/plain"
        record = f"{head}Content-Type: {kind_line}\r\nContent-Length: {len(payload)}\r\n\r\n".encode() + payload + b"\r\n\r\n"
        out.write(gzip.compress(record, mtime=0))
    return out.getvalue()


def html(text: str) -> str:
    """A page whose main content is the text."""
    paragraphs = "".join(f"<p>{line}</p>" for line in text.split("\n"))
    return f"<html><head><title>x</title><style>p {{}}</style></head><body><nav>Home About</nav><article>{paragraphs}</article></body></html>"


def write_all_formats(folder: Path) -> dict[str, str]:
    """One document per format; file name → the text that must come out."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        name: document(100 + index)
        for index, name in enumerate(
            ["a.txt", "b.md", "c.md", "d.jsonl", "e.jsonl.gz", "f.jsonl.zst", "g.parquet", "h.csv", "i.tsv", "j.html", "k.warc.gz", "l.warc.wet.gz", "m.txt.gz"]
        )
    }
    record = {name: {"text": text, "url": f"http://example.org/{name}", "topic": "mills"} for name, text in texts.items()}
    contents = {
        "a.txt": texts["a.txt"].encode(),
        "b.md": f"---\ntitle: Mills\ntopic: mills\n---\n{texts['b.md']}".encode(),
        "c.md": f'+++\ntopic = "mills"\n+++\n{texts["c.md"]}'.encode(),
        "d.jsonl": jsonl([record["d.jsonl"]]),
        "e.jsonl.gz": gzip.compress(jsonl([record["e.jsonl.gz"]])),
        "f.jsonl.zst": zstd.compress(jsonl([record["f.jsonl.zst"]])),
        "h.csv": ('url,topic,text\nhttp://example.org/h.csv,mills,"' + texts["h.csv"] + '"\n').encode(),
        "i.tsv": ('url\ttopic\ttext\nhttp://example.org/i.tsv\tmills\t"' + texts["i.tsv"] + '"\n').encode(),
        "j.html": html(texts["j.html"]).encode(),
        "k.warc.gz": warc([("response", "http://example.org/k.warc.gz", html(texts["k.warc.gz"]))]),
        "l.warc.wet.gz": warc([("conversion", "http://example.org/l.warc.wet.gz", texts["l.warc.wet.gz"])]),
        "m.txt.gz": gzip.compress(texts["m.txt.gz"].encode()),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    pq.write_table(pa.Table.from_pylist([record["g.parquet"]]), folder / "g.parquet")
    return texts


def recipe(folder: Path, **changes: object) -> str:
    """A recipe in YAML (JSON is YAML) for one input folder."""
    keys: dict[str, object] = {"name": "test", "inputs": [{"path": str(folder)}], "language": {"keep": ["en"]}}
    return json.dumps(keys | changes)
