"""What `tokenize import` reads, and what it refuses."""

import gzip
import re
import struct

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from shards.errors import ShardError
from shards.manifest import read_manifest
from shards.schemas import DOCUMENTS
from shards.write import write_set
from tests.records import edit
from tests.tokenize_tools.exchange.sets import EOS, FACTS, column, documents, facts, tokens_set
from tests.tokenize_tools.samples import byte_level
from tokenize_tools.errors import TokenizeError
from tokenize_tools.exchange import parts
from tokenize_tools.exchange.exporting import export
from tokenize_tools.exchange.facts import ExchangeFacts, given_facts
from tokenize_tools.exchange.importing import import_tokens

FORMATS = ("megatron", "datatrove", "olmo")


@pytest.mark.parametrize("id_bytes", [2, 4])
@pytest.mark.parametrize("form", FORMATS)
def test_out_and_in_again_gives_the_same_tokens_and_facts(tmp_path, monkeypatch, form, id_bytes):
    monkeypatch.setattr(parts, "_CHUNK_TOKENS", 1000)
    monkeypatch.setattr(parts, "_CHUNK_DOCUMENTS", 3)
    tokens = tokens_set(tmp_path / "tokens", id_bytes=id_bytes)
    export(tokens, form, tmp_path / "out")
    manifest = import_tokens([tmp_path / "out"], form, tmp_path / "back")
    assert documents(tmp_path / "back") == documents(tokens)
    there = read_manifest(tokens).info
    assert all(manifest.info[name] == there[name] for name in ("tokenizer", "tokenizer_sha256", "n_vocab", "bos_id", "eos_id", "pad_id", "policy"))
    assert (manifest.n_rows, manifest.n_tokens) == (manifest.info["n_documents"], manifest.info["n_tokens"])
    assert manifest.info["imported_from"]["format"] == form and str(tmp_path) not in (tmp_path / "back" / "manifest.json").read_text()


def test_olmo_gives_ids_and_sources_back_and_the_others_ids_by_content(tmp_path):
    tokens = tokens_set(tmp_path / "tokens", [3, 3, 0, 9])
    for form in FORMATS:
        export(tokens, form, tmp_path / form)
        import_tokens([tmp_path / form], form, tmp_path / f"{form}-back")
    assert column(tmp_path / "olmo-back", "doc_id") == column(tokens, "doc_id")
    assert column(tmp_path / "olmo-back", "source") == column(tokens, "source")
    by_content = [xxhash.xxh3_128_digest(np.array(ids, "<u2").tobytes()) for ids in documents(tokens)]
    assert column(tmp_path / "megatron-back", "doc_id") == column(tmp_path / "datatrove-back", "doc_id") == by_content
    assert set(column(tmp_path / "megatron-back", "source")) == {"megatron"}


@given(lengths=st.lists(st.integers(0, 40), max_size=40).filter(any), eos=st.booleans(), form=st.sampled_from(FORMATS))
def test_any_set_survives_the_way_out_and_in(tmp_path_factory, lengths, eos, form):
    folder = tmp_path_factory.mktemp("exchange")
    tokens = tokens_set(folder / "tokens", lengths, eos=eos)
    export(tokens, form, folder / "out")
    import_tokens([folder / "out"], form, folder / "back")
    assert documents(folder / "back") == documents(tokens)


def write_megatron(prefix, lengths, values, ends=None, code=8) -> None:
    """A pair as Megatron's own builder writes it."""
    dtype = {8: np.uint16, 4: np.int32, 5: np.int64, 1: np.uint8}[code]
    ids = np.asarray(values, dtype)
    ids.tofile(f"{prefix}.bin")
    ends = list(range(len(lengths) + 1)) if ends is None else ends
    pointers = np.concatenate([[0], np.cumsum(lengths)[:-1]]) * ids.itemsize if len(lengths) else []
    index = struct.pack("<9sQBQQ", b"MMIDIDX\x00\x00", 1, code, len(lengths), len(ends))
    arrays = (np.asarray(lengths, "<i4"), np.asarray(pointers, "<i8"), np.asarray(ends, "<i8"))
    with open(f"{prefix}.idx", "wb") as handle:
        handle.write(index + b"".join(array.tobytes() for array in arrays))


@pytest.mark.parametrize("code", [8, 4, 5, 1])
def test_megatron_pairs_of_every_whole_number_type_are_read(tmp_path, code):
    write_megatron(tmp_path / "a", [2, 0, 3], [7, 8, 9, 10, 11], code=code)
    import_tokens([tmp_path / "a.bin"], "megatron", tmp_path / "out", FACTS)
    assert documents(tmp_path / "out") == [[7, 8], [], [9, 10, 11]]


def test_megatron_documents_of_several_sequences_are_one_document(tmp_path):
    write_megatron(tmp_path / "a", [2, 1, 3, 1], [1, 2, 3, 4, 5, 6, 7], ends=[0, 2, 2, 3, 4])
    import_tokens([tmp_path / "a"], "megatron", tmp_path / "out", FACTS)
    assert documents(tmp_path / "out") == [[1, 2, 3], [], [4, 5, 6], [7]]


def test_several_inputs_are_one_set_in_the_order_given_and_of_names(tmp_path):
    for name, first in (("b/x", 10), ("b/w", 20), ("a", 30)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_megatron(tmp_path / name, [1, 1], [first, first + 1])
    import_tokens([tmp_path / "b", tmp_path / "a.idx"], "megatron", tmp_path / "out", FACTS)
    assert documents(tmp_path / "out") == [[20], [21], [10], [11], [30], [31]]
    assert column(tmp_path / "out", "source")[:4] == ["b"] * 4


@pytest.mark.parametrize("form, name", [("datatrove", "a.ds"), ("olmo", "a.npy")])
def test_without_an_index_documents_end_at_the_eos_and_the_manifest_says_so(tmp_path, form, name):
    np.array([4, 5, EOS, EOS, 6, EOS, 7, 8], "<u2").tofile(tmp_path / name)
    manifest = import_tokens([tmp_path / name], form, tmp_path / "out", FACTS)
    assert documents(tmp_path / "out") == [[4, 5, EOS], [EOS], [6, EOS], [7, 8]]
    assert manifest.info["imported_from"]["files"][0]["document_ends"] == "eos id 0" and manifest.info["policy"]["eos"] is False


def test_dolmas_index_with_names_of_its_own_gives_each_name_an_id(tmp_path):
    np.array([4, 5, 6], "<u2").tofile(tmp_path / "a.npy")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"0,2,cc-1,s3://x/a.gz,1\n2,3,cc-2,s3://x/a.gz,2\n"))
    import_tokens([tmp_path], "olmo", tmp_path / "out", FACTS)
    assert column(tmp_path / "out", "doc_id") == [xxhash.xxh3_128_digest(b"cc-1"), xxhash.xxh3_128_digest(b"cc-2")]
    assert column(tmp_path / "out", "source") == ["s3://x/a.gz"] * 2
    import_tokens([tmp_path], "olmo", tmp_path / "named", FACTS, source="dolma")
    assert column(tmp_path / "named", "source") == ["dolma"] * 2


def test_olmo_cores_index_of_two_columns_is_read(tmp_path):
    np.array([4, 5, 6], "<u4").tofile(tmp_path / "a.npy")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"0,2\n2,3\n"))
    import_tokens([tmp_path], "olmo", tmp_path / "out", FACTS, dtype="uint32")
    assert documents(tmp_path / "out") == [[4, 5], [6]]


def damaged(path, change) -> None:
    path.write_bytes(change(path.read_bytes()))


_SHORT = [3, 1, 9, 4, 1, 7, 2, 5, 4, 4, 4, 4]

DAMAGES = [
    ("megatron", "tokens.idx", lambda raw: b"X" + raw[1:], r"tokens\.idx: not a Megatron index"),
    ("megatron", "tokens.idx", lambda raw: b"", r"tokens\.idx: not a Megatron index"),
    ("megatron", "tokens.idx", lambda raw: raw[:20], r"tokens\.idx: truncated: 20 bytes"),
    ("megatron", "tokens.idx", lambda raw: raw[:-8], r"take .* truncated\?"),
    ("megatron", "tokens.idx", lambda raw: raw + b"\0" * 12, "multimodal"),
    ("megatron", "tokens.idx", lambda raw: raw[:17] + b"\x07" + raw[18:], r"type code 7 \(float32\)"),
    ("megatron", "tokens.idx", lambda raw: raw[:9] + b"\x02" + raw[10:], "version 2"),
    ("megatron", "tokens.idx", lambda raw: raw[:34] + struct.pack("<i", 2) + raw[38:], "sequences do not follow one another"),
    ("megatron", "tokens.idx", lambda raw: raw[:34] + struct.pack("<ii", -1, 9) + raw[42:], "sequences do not follow one another"),
    ("megatron", "tokens.idx", lambda raw: raw[:-8] + struct.pack("<q", 3), "documents do not follow one another"),
    ("megatron", "tokens.bin", lambda raw: raw[:-2], r"the index covers .* but tokens\.bin has"),
    ("megatron", "tokens.bin", lambda raw: raw[:-1], "not a whole number of uint16 ids"),
    ("megatron", "tokens.bin", lambda raw: b"\x09" + raw[1:], r"tokens\.bin: its bytes are not those that were exported"),
    ("datatrove", "00000_tokens.ds", lambda raw: raw[:-2], "but its metadata says"),
    ("datatrove", "00000_tokens.ds", lambda raw: raw[:-1], "not a whole number"),
    ("datatrove", "00000_tokens.ds.index", lambda raw: raw[:-8], r"documents end at token .*, but 00000_tokens\.ds has"),
    ("datatrove", "00000_tokens.ds.index", lambda raw: raw[8:16] + raw[:8] + raw[16:], "do not follow one another"),
    ("datatrove", "00000_tokens.ds.metadata", lambda raw: b"gpt2", "not datatrove's metadata"),
    ("datatrove", "00000_tokens.ds.metadata", lambda raw: raw.replace(b"|2", b"|3"), "3 bytes per id"),
    ("olmo", "part-00000.npy", lambda raw: raw[:-2], r"documents end at token .*, but part-00000\.npy has"),
    ("olmo", "part-00000.npy", lambda raw: b"\x93NUMPY" + raw, "has a NumPy header"),
    ("olmo", "part-00000.csv.gz", lambda raw: raw[:40], "not a readable index"),
    ("olmo", "part-00000.csv.gz", lambda raw: b"0,1\n", "not a readable index"),
    ("olmo", "part-00000.csv.gz", lambda raw: gzip.compress(b"0,1,a\n"), "3 columns"),
    ("olmo", "part-00000.csv.gz", lambda raw: gzip.compress(b"0,x\n"), "not a readable index"),
    ("olmo", "part-00000.csv.gz", lambda raw: gzip.compress(b"1,2\n"), "from token 0"),
]


@pytest.mark.parametrize("form, name, change, said", DAMAGES)
def test_a_damaged_file_without_a_note_is_refused_in_one_line_and_no_set_is_left(tmp_path, form, name, change, said):
    export(tokens_set(tmp_path / "tokens", _SHORT), form, tmp_path / "out")
    if "exported" not in said:
        (tmp_path / "out" / "cptkit.json").unlink()
    damaged(tmp_path / "out" / name, change)
    with pytest.raises(TokenizeError, match=said) as caught:
        import_tokens([tmp_path / "out"], form, tmp_path / "back", FACTS)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "back" / "manifest.json").exists()


def test_ids_that_the_tokenizer_does_not_have_are_refused_with_the_document(tmp_path):
    write_megatron(tmp_path / "a", [2, 3], [1, 2, 3, 65_000, 4])
    with pytest.raises(TokenizeError, match=r"a\.bin: document 1 holds id 65,000, but bpe has ids 0 to 59,999"):
        import_tokens([tmp_path / "a"], "megatron", tmp_path / "out", FACTS)
    write_megatron(tmp_path / "a", [2, 3], [1, -2, 3, 5, 4], code=4)
    with pytest.raises(TokenizeError, match="document 0 holds id -2"):
        import_tokens([tmp_path / "a"], "megatron", tmp_path / "out", FACTS)


def test_what_is_missing_is_named(tmp_path):
    for form, said in (("megatron", "no .idx beside a .bin"), ("datatrove", "no .ds"), ("olmo", "no .npy")):
        with pytest.raises(TokenizeError, match=said):
            import_tokens([tmp_path], form, tmp_path / "out", FACTS)
    write_megatron(tmp_path / "a", [1], [1])
    (tmp_path / "a.bin").unlink()
    with pytest.raises(TokenizeError, match=r"a\.bin: no such file"):
        import_tokens([tmp_path / "a"], "megatron", tmp_path / "out", FACTS)


def test_the_tokenizer_must_be_told_and_be_the_right_one(tmp_path):
    write_megatron(tmp_path / "a", [1], [1])
    with pytest.raises(TokenizeError, match="nothing there tells the tokenizer; give its folder with --tokenizer"):
        import_tokens([tmp_path / "a"], "megatron", tmp_path / "out")
    export(tokens_set(tmp_path / "tokens"), "megatron", tmp_path / "exported")
    with pytest.raises(TokenizeError, match=r"exported from tokens of bpe \(555555555555\), not of wide"):
        import_tokens([tmp_path / "exported"], "megatron", tmp_path / "out", facts(4))
    np.array([1], "<u2").tofile(tmp_path / "a.ds")
    with pytest.raises(TokenizeError, match="the tokenizer names none; give --eos-id"):
        import_tokens([tmp_path / "a.ds"], "datatrove", tmp_path / "out", ExchangeFacts("x", "1" * 64, 10, None, None, None))


@pytest.mark.parametrize("form", ["megatron", "datatrove", "olmo"])
def test_every_flipped_bit_of_an_index_is_found_and_its_file_named(tmp_path, form):
    export(tokens_set(tmp_path / "tokens", _SHORT), form, tmp_path / "out")
    beside = [path for path in sorted((tmp_path / "out").iterdir()) if path.suffix in (".idx", ".index", ".metadata", ".gz")]
    assert beside
    for path in beside:
        whole = path.read_bytes()
        for bit in range(0, 8 * len(whole), 13):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            with pytest.raises(TokenizeError, match=re.escape(path.name)):
                import_tokens([tmp_path / "out"], form, tmp_path / "back")
        path.write_bytes(whole)
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("form", ["megatron", "datatrove", "olmo"])
def test_what_is_missing_from_an_export_is_named(tmp_path, form):
    export(tokens_set(tmp_path / "tokens", _SHORT), form, tmp_path / "out")
    for path in sorted((tmp_path / "out").iterdir()):
        if path.name not in ("cptkit.json", ".cptkit-files"):
            whole = path.read_bytes()
            path.unlink()
            with pytest.raises(TokenizeError, match=r"missing|no such file|there; give a file"):
                import_tokens([tmp_path / "out"], form, tmp_path / "back")
            path.write_bytes(whole)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"n_vocab": 0}, "n_vocab: .*greater than or equal to 1"),
        ({"eos_id": -1}, "eos_id: .*greater than or equal to 0"),
        ({"eos_id": 1 << 31}, "eos_id 2147483648: the vocabulary has ids"),
        ({"tokenizer_sha256": "5"}, "tokenizer_sha256"),
        ({"files": {"../tokens.bin": {"n_bytes": 1, "checksum": "0" * 32}}}, "names are letters, digits"),
        ({"files": {"tokens.bin": {"n_bytes": -1, "checksum": "0" * 32}}}, "files.tokens.bin.n_bytes"),
    ],
)
def test_a_note_that_says_what_cannot_be_is_refused(tmp_path, change, said):
    export(tokens_set(tmp_path / "tokens", _SHORT), "megatron", tmp_path / "out")
    edit(tmp_path / "out" / "cptkit.json", lambda note: note.update(change))
    with pytest.raises(TokenizeError, match=rf"cptkit\.json: .*{said}.*export again"):
        import_tokens([tmp_path / "out"], "megatron", tmp_path / "back")


@pytest.mark.parametrize("name", ["tokenizer", "tokenizer_sha256", "n_vocab"])
def test_a_note_that_leaves_open_what_every_tokenizer_has_asks_for_the_tokenizer(tmp_path, name):
    export(tokens_set(tmp_path / "tokens", _SHORT), "olmo", tmp_path / "out")
    edit(tmp_path / "out" / "cptkit.json", lambda note: note.update({name: None}))
    with pytest.raises(TokenizeError, match=f"does not say {name}; give the tokenizer with --tokenizer"):
        import_tokens([tmp_path / "out"], "olmo", tmp_path / "back")


def test_an_unfinished_export_is_not_imported(tmp_path):
    export(tokens_set(tmp_path / "tokens"), "megatron", tmp_path / "out")
    edit(tmp_path / "out" / "cptkit.json", lambda note: note.update(finished=False))
    with pytest.raises(TokenizeError, match="an unfinished export"):
        import_tokens([tmp_path / "out"], "megatron", tmp_path / "back")


def test_another_kind_of_set_is_not_written_over(tmp_path):
    write_megatron(tmp_path / "a", [1], [1])
    write_set(tmp_path / "out", "documents", DOCUMENTS, [])
    with pytest.raises(ShardError, match="holds a set of documents"):
        import_tokens([tmp_path / "a"], "megatron", tmp_path / "out", FACTS)


def test_facts_come_from_a_tokenizer_or_from_options_never_from_both(tmp_path):
    folder = byte_level(tmp_path / "bpe")
    read = given_facts(folder, None, None, None)
    assert (read.tokenizer, read.n_vocab, read.eos_id) == ("bpe", 600, 0)
    assert given_facts(folder, None, None, 7).eos_id == 7
    assert given_facts(None, "a" * 64, 1000, 3) == ExchangeFacts("a" * 12, "a" * 64, 1000, None, 3, None)
    assert given_facts(None, None, None, None) is None
    for options, said in [
        ((folder, "a" * 64, None, None), "take --tokenizer-sha256"),
        ((None, "a" * 64, None, None), "both --tokenizer-sha256 and --n-vocab"),
        ((None, "abc", 10, None), "not 64 hexadecimal digits"),
        ((None, "a" * 64, 10, 10), "has ids 0 to 9"),
    ]:
        with pytest.raises(TokenizeError, match=said):
            given_facts(*options)
