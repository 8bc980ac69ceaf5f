import re

import pytest

from tests.records import edit
from tests.tokenize_tools.exchange.sets import SHORT_LENGTHS, tokens_set
from tokenize_tools.errors import TokenizeError
from tokenize_tools.exchange.exporting import export
from tokenize_tools.exchange.importing import import_tokens


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    tokens = tokens_set(tmp_path / "tokens")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(TokenizeError, match="mine: is not empty and not an earlier export"):
        export(tokens, "megatron", tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("form", ["megatron", "datatrove", "olmo"])
def test_every_flipped_bit_of_an_index_is_found_and_its_file_named(tmp_path, form):
    export(tokens_set(tmp_path / "tokens", SHORT_LENGTHS), form, tmp_path / "out")
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
def test_a_missing_file_of_an_export_is_named(tmp_path, form):
    export(tokens_set(tmp_path / "tokens", SHORT_LENGTHS), form, tmp_path / "out")
    for path in sorted((tmp_path / "out").iterdir()):
        if path.name not in ("cptkit.json", ".cptkit-files"):
            whole = path.read_bytes()
            path.unlink()
            with pytest.raises(TokenizeError, match=r"missing|no such file|there; give such a file"):
                import_tokens([tmp_path / "out"], form, tmp_path / "back")
            path.write_bytes(whole)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"n_vocab": 0}, "n_vocab: .*greater than or equal to 1"),
        ({"eos_id": -1}, "eos_id: .*greater than or equal to 0"),
        ({"eos_id": 1 << 31}, "eos_id 2147483648: the vocabulary has ids"),
        ({"tokenizer_sha256": "5"}, "tokenizer_sha256"),
        ({"files": {"../tokens.bin": {"n_bytes": 1, "checksum": "0" * 32}}}, "names are letters, digits"),
        ({"files": {"tokens.bin": {"n_bytes": -1, "checksum": "0" * 32}}}, "files.tokens.bin.n_bytes"),
    ],
)
def test_a_note_with_impossible_values_is_refused(tmp_path, change, message):
    export(tokens_set(tmp_path / "tokens", SHORT_LENGTHS), "megatron", tmp_path / "out")
    edit(tmp_path / "out" / "cptkit.json", lambda note: note.update(change))
    with pytest.raises(TokenizeError, match=rf"cptkit\.json: .*{message}.*export again"):
        import_tokens([tmp_path / "out"], "megatron", tmp_path / "back")
