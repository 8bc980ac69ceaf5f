"""Text in other encodings than UTF-8."""

import codecs
import gzip
import json
from pathlib import Path

import pytest

from curate.read.batch import FileFault
from curate.read.content.encodings import encoding_hint, unmarked_encoding, utf8_chunks
from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.part import FilePart
from curate.read.recipe import InputRecipe, encoding_name

RUSSIAN = "Рыбаки вернулись в гавань до рассвета, потому что ветер переменился. " * 3


CHINESE = "渔民们在黎明前回到了港口，因为风向变了。" * 3


JAPANESE = "漁師たちは夜明け前に港に戻った。風が変わったからだ。" * 3


FRENCH = "Les pêcheurs sont rentrés au port avant l'aube, à cause du vent changé. " * 3


TEXTS = [("latin-1", FRENCH), ("cp1252", FRENCH + "“x” €"), ("gb18030", CHINESE + "𠀀"), ("shift_jis", JAPANESE), ("koi8-r", RUSSIAN), ("utf-16-le", RUSSIAN)]


TEXTS += [("utf-16", CHINESE + "𠀀"), ("utf-16-be", FRENCH), ("utf-32", JAPANESE), ("utf-8", RUSSIAN), ("utf-8-sig", RUSSIAN), ("cp037", "plain words")]


def read(path: Path, **keys: object) -> list[dict[str, object]]:
    (file,), _ = list_files((InputRecipe(path=str(path), **keys),))  # type: ignore[arg-type]
    return [row for batch in read_part(FilePart(file)) for row in batch.to_pylist()]


@pytest.mark.parametrize("encoding, text", TEXTS)
def test_every_format_is_read_in_the_given_encoding(tmp_path: Path, encoding: str, text: str) -> None:
    row = json.dumps({"text": text}, ensure_ascii=False)
    contents = {
        "a.txt": text,
        "a.md": text,
        "a.jsonl": row + "\n" + row,
        "a.json": json.dumps([{"text": text}] * 2, ensure_ascii=False, indent=2),
        "a.csv": f'text,n\n"{text}",1\n"{text}",2\n'.replace("“x”", "x"),
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content.encode(encoding)))
        rows = read(tmp_path / f"{name}.gz", encoding=encoding)
        expected = text.replace("“x”", "x") if name == "a.csv" else text
        assert [row["text"] for row in rows] == [expected] * (1 if name in ("a.txt", "a.md") else 2), (name, rows)


MARKS = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE, "utf-32-le": codecs.BOM_UTF32_LE, "utf-32-be": codecs.BOM_UTF32_BE}


@pytest.mark.parametrize("mark, encoding", [*((mark, name) for name, mark in MARKS.items()), (codecs.BOM_UTF8, "utf-8")])
def test_a_byte_order_mark_is_enough(tmp_path: Path, mark: bytes, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes(mark + RUSSIAN.encode(encoding))
    (tmp_path / "a.jsonl").write_bytes(mark + '{"text": "a"}\n{"text": "b"}\n'.encode(encoding))
    assert [row["text"] for row in read(tmp_path / "a.txt")] == [RUSSIAN]
    assert [(row["text"], row["row"]) for row in read(tmp_path / "a.jsonl")] == [("a", 0), ("b", 1)]


def test_pieces_cut_characters_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.read.content.decompress._CHUNK_BYTES", 3)
    for encoding, text in TEXTS:
        (tmp_path / "a").write_bytes(text.encode(encoding))
        assert b"".join(utf8_chunks(str(tmp_path / "a"), encoding_name(encoding))).decode() == text


@pytest.mark.parametrize("encoding, text", [("gb18030", CHINESE), ("shift_jis", JAPANESE), ("koi8-r", RUSSIAN), ("cp1252", FRENCH), ("utf-16-le", FRENCH)])
def test_the_likely_encoding_of_text_that_is_not_utf8_is_named(tmp_path: Path, encoding: str, text: str) -> None:
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    (record,) = read(tmp_path / "a.txt")
    assert record["text"] is None and f"looks like {encoding}: set `encoding: {encoding}` for this input" in str(record["problem"])
    assert [row["text"] for row in read(tmp_path / "a.txt", encoding=encoding)] == [text]


def test_one_line_in_another_encoding_costs_that_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "sound"}\n' + json.dumps({"text": CHINESE}, ensure_ascii=False).encode("gb18030"))
    good, bad = read(tmp_path / "a.jsonl")
    assert good["text"] == "sound" and "encoding: gb18030" in str(bad["problem"])


def test_an_encoding_is_not_guessed_from_too_few_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    assert encoding_hint(str(tmp_path / "a.txt")) == "; if the file is in another encoding, set `encoding` for this input"
    (tmp_path / "a.txt").write_bytes("café".encode())
    assert encoding_hint(str(tmp_path / "a.txt")) == ""


def test_bytes_invalid_in_the_encoding_cost_their_record_only(tmp_path: Path) -> None:
    lines = [CHINESE.encode("gb18030"), b"\xff\xff\xff", "好".encode("gb18030")]
    (tmp_path / "a.txt").write_bytes(b"\n".join(lines))
    rows = read(tmp_path / "a.txt", format="lines", encoding="gb18030")
    assert [row["text"] for row in rows] == [CHINESE, None, "好"]
    assert rows[1]["problem"] == "bytes that are not gb18030"


def test_text_in_an_encoding_that_is_cut_short_is_a_fault_or_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(CHINESE.encode("utf-16")[:-1])
    (record,) = read(tmp_path / "a.txt", encoding="utf-16")
    assert record["problem"] == "bytes that are not utf-16"
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(CHINESE.encode("gb18030"))[:-5])
    with pytest.raises(FileFault, match="cut short"):
        read(tmp_path / "a.txt.gz", encoding="gb18030")


def test_damaged_utf8_is_not_taken_for_utf16(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'\xff\xfe\n{"text": "a"}\n')
    assert [row["text"] for row in read(tmp_path / "a.jsonl")] == [None, "a"]


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.jsonl", "a.json", "a.csv"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_utf16_and_utf32_without_their_mark_are_a_fault_of_the_file(tmp_path: Path, encoding: str, name: str) -> None:
    (tmp_path / name).write_bytes('{"text": "a"}\n'.encode(f"{encoding}-le"))
    with pytest.raises(FileFault, match=f"is not {encoding}, which begins with a byte order mark; without one set `encoding: {encoding}-le`"):
        read(tmp_path / name, encoding=encoding)


ENGLISH = "The fishermen came back to the harbour before dawn since the wind had changed.\n"


def outcome(path: Path, **keys: object) -> str:
    """What is said of the file: the verdict on its only record, or its fault."""
    try:
        return str(read(path, **keys)[0]["problem"])
    except FileFault as fault:
        return str(fault)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "iso2022_jp", "iso2022_kr"])
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.csv", "a.jsonl", "a.json"])
def test_an_encoding_that_is_valid_ascii_is_named_in_every_format(tmp_path: Path, encoding: str, name: str) -> None:
    if name == "a.html" and encoding.startswith("iso"):
        return  # pages are read in it
    text = {"iso2022_jp": JAPANESE, "iso2022_kr": "어부들은 동이 트기 전에 항구로 돌아왔다. "}.get(encoding, ENGLISH)
    row = json.dumps({"text": text}, ensure_ascii=False)
    contents = {
        "a.html": f"<html><body><p>{text}</p></body></html>",
        "a.csv": f"text,n\n{text.strip()},1\n",
        "a.jsonl": row + "\n",
        "a.json": f"[{row}, {row}]",
    }
    (tmp_path / name).write_bytes(contents.get(name, text).encode(encoding))
    assert outcome(tmp_path / name) == f"not UTF-8; looks like {encoding}: set `encoding: {encoding}` for this input"
    assert str(read(tmp_path / name, encoding=encoding)[0]["text"]).strip() == text.strip()


@pytest.mark.parametrize(
    "line", [b'{"text": "a\x00b"}\n', b"\x1b$5 for it\n", bytes(8), b"a\x00b\x00 of ASCII with zeros here, and more of it to the end of the line\n"]
)
def test_stray_zeros_and_escapes_are_not_taken_for_an_encoding(line: bytes) -> None:
    assert unmarked_encoding(line * 20) is None


@pytest.mark.parametrize("text", ["\0éà日本", "é\0à\x01日本語", "日\0本\0"])
def test_a_few_zeros_in_a_short_text_are_not_taken_for_an_encoding(text: str) -> None:
    assert unmarked_encoding(text.encode()) is None


def test_a_page_with_a_wrong_encoding_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(f"<html><body><p>{CHINESE}</p></body></html>".encode("gb18030"))
    assert outcome(tmp_path / "a.html", encoding="shift_jis") == "bytes that are not shift_jis"
    assert read(tmp_path / "a.html", encoding="gb18030")[0]["text"] == CHINESE


@pytest.mark.parametrize("encoding", [*MARKS])
def test_a_page_with_a_byte_order_mark_is_read_by_it(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.html").write_bytes(MARKS[encoding] + f"<html><body><p>{ENGLISH}</p></body></html>".encode(encoding))
    assert read(tmp_path / "a.html")[0]["text"] == ENGLISH.strip()
