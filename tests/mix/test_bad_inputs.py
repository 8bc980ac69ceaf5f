"""What a user can get wrong, and what can break between two commands: each is refused in one line that says what, where and what to do."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

from mix.build import build, preview
from mix.errors import MixError
from mix.row_view import inspect_row
from mix.stream import open_mix
from shards.errors import CptkitError, ShardError
from shards.manifest import read_manifest
from shards.record import sealed
from tests.commands import content, run
from tests.mix.conftest import INFO, write_tokens
from tests.records import content_of


def refused(error: type[CptkitError], said: str, call, *arguments) -> None:
    with pytest.raises(error, match=said) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)


def change(path: Path, how) -> None:
    """Change a file as a failing disk does, in a file of its own, some time after it was written."""
    raw = how(path.read_bytes())
    path.unlink()
    path.write_bytes(raw)
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))


def flip(raw: bytes) -> bytes:
    return raw[:2000] + bytes([raw[2000] ^ 1]) + raw[2001:]


def first_rows(folder: Path) -> Path:
    return next(folder.glob("*.arrow"))


@pytest.mark.parametrize(
    "info, options, said",
    [
        ({"tokenizer_sha256": "6" * 64}, {}, r"sources web .* and law .* have different tokenizer_sha256"),
        ({"n_vocab": 50_000}, {}, "have different n_vocab: 60000 and 50000"),
        ({"eos_id": 7}, {}, "have different eos_id"),
        ({}, {"id_bytes": 4}, "have different id_bytes: 2 and 4"),
    ],
)
def test_shards_of_two_tokenizers_are_not_mixed(tmp_path, two_sources, tokens, info, options, said):
    law = tokens("other", [50] * 40, info=INFO | info, **options)
    sources = {"web": {"tokens": tmp_path / "tokens" / "web0"}, "law": {"tokens": law, "max_epochs": 30}}
    refused(MixError, f"{said}.*tokenize all sources of a mix with one tokenizer", build, two_sources(sources=sources))
    assert not (tmp_path / "out").exists()


def test_two_tokenizers_inside_one_source_are_not_mixed_either(two_sources, tokens):
    web = [tokens("a", [50] * 40), tokens("b", [50] * 40, info=INFO | {"tokenizer_sha256": "6" * 64})]
    refused(
        MixError,
        "sources web .*/a.* and web .*/b.* have different tokenizer_sha256",
        build,
        two_sources(sources={"web": {"tokens": web}, "law": {"tokens": web}}),
    )


def test_a_changed_shard_gives_another_plan_on_which_a_run_does_not_resume(tmp_path, two_sources):
    started, _ = build(two_sources())
    write_tokens(tmp_path / "tokens" / "law", [40] * 400, seed=9)
    assert open_mix(tmp_path / "out", started.hash).plan_hash == started.hash
    changed, _ = build(two_sources())
    assert changed.hash != started.hash
    refused(MixError, f"was started on plan {started.hash}; rebuild the mix", open_mix, tmp_path / "out", started.hash)


def test_a_shard_that_was_damaged_is_named_before_a_row_is_packed(tmp_path, two_sources):
    shard = first_rows(tmp_path / "tokens" / "law")
    whole = shard.read_bytes()
    for how, said in ((flip, "checksum"), (lambda raw: raw[:-9], "bytes, the manifest says"), (lambda raw: b"", "0 bytes")):
        shard.write_bytes(how(whole))
        refused(MixError, rf"source law: .*{shard.name}: .*{said}", build, two_sources())
    shard.unlink()
    refused(MixError, rf"source law: .*{shard.name}: missing; restore the file", build, two_sources())
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_source_without_tokens_is_refused_if_it_has_a_weight(two_sources, tokens):
    for lengths in ([], [0, 0, 0]):
        sources = {"web": {"tokens": tokens("w", [64] * 100)}, "none": {"tokens": tokens("n", lengths)}}
        said = "source none blocks this mix: 50.00% .* but it holds none; add tokens to it, or remove its weights"
        refused(MixError, said, preview, two_sources(sources=sources, stages=[{"tokens": 640, "weights": {"web": 1, "none": 1}}]))


def test_folders_that_are_not_tokens_sets_are_named_with_their_source(tmp_path, two_sources):
    law = tmp_path / "tokens" / "law"
    two_sources()
    manifest = law / "manifest.json"
    whole = content_of(manifest)
    without = whole["info"] | {"other": whole["info"]["tokenizer_sha256"]}
    del without["tokenizer_sha256"]
    for change, said in (
        ({"kind": "documents"}, "a set of documents, expected tokens"),
        ({"schema_version": 9}, "schema version 9, this cptkit reads 2"),
        ({"info": without}, "the manifest lacks tokenizer_sha256; make the set with `tokenize run`"),
        ({"info": whole["info"] | {"eos_id": 60_000}}, "eos_id 60000: the vocabulary has ids 0 to 59999"),
    ):
        manifest.write_bytes(sealed(whole | change))
        refused(MixError, f"source law: .*{said}|{said}", build, two_sources())
    manifest.write_text("{")
    refused(MixError, "source law: .*not readable JSON", build, two_sources())
    manifest.unlink()
    refused(MixError, "source law: .*half-written; rerun the command that makes it", build, two_sources())


@pytest.mark.parametrize("how", [flip, lambda raw: raw[:-9], lambda raw: b""], ids=["flipped", "cut", "emptied"])
@pytest.mark.parametrize("shared", [False, True], ids=["own rows", "shared rows"])
def test_damaged_rows_are_refused_when_read_and_packed_again_by_the_next_build(tmp_path, two_sources, how, shared):
    recipe = two_sources(rows=tmp_path / "shared") if shared else two_sources()
    build(recipe)
    sound = content(tmp_path / "out")
    rows = first_rows(tmp_path / "out" / "rows" / "web")
    if shared:
        change(first_rows(next((tmp_path / "shared").glob("web-*"))), how)
    change(rows, how)
    refused(CptkitError, f"{rows.name}: .*the manifest says", lambda: open_mix(tmp_path / "out").rows(0, 50))
    build(recipe)
    assert content(tmp_path / "out") == sound


def test_damaged_shared_rows_are_not_used_by_another_mix(tmp_path, two_sources):
    build(two_sources(rows=tmp_path / "shared"))
    sound = content(tmp_path / "out")
    cache = next((tmp_path / "shared").glob("web-*"))
    change(first_rows(cache), flip)
    build(two_sources(rows=tmp_path / "shared", out=tmp_path / "second"))
    assert content(tmp_path / "second") == sound
    (cache / "manifest.json").write_text("{")
    build(two_sources(rows=tmp_path / "shared", out=tmp_path / "third"))
    assert content(tmp_path / "third") == sound


def test_missing_files_of_a_mix_are_named_with_a_remedy(tmp_path, two_sources):
    build(two_sources())
    for name, said in (
        ("plan.json", r"plan\.json: missing; rerun `mix build`"),
        ("rows/law", "rows/law: no such folder.*`mix build`"),
        ("manifest.json", "rerun"),
    ):
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        shutil.copytree(tmp_path / "out", tmp_path / "copy")
        gone = tmp_path / "copy" / name
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
        refused(CptkitError, said, open_mix, tmp_path / "copy")


def test_a_mix_is_never_written_over_its_own_sources_or_any_other_set(tmp_path, two_sources):
    law = tmp_path / "tokens" / "law"
    two_sources()
    before = content(law)
    refused(ShardError, "law: holds a set of tokens, which a set of mix would replace; give another folder", build, two_sources(out=law))
    assert content(law) == before
    (tmp_path / "file").write_text("mine")
    refused(ShardError, "file: is a file", build, two_sources(out=tmp_path / "file"))


def test_text_of_another_tokenizer_is_shown_with_a_warning(tmp_path, two_sources, caplog):
    from tokenizers import Tokenizer, models

    build(two_sources())
    Tokenizer(models.WordLevel({"a": 0}, unk_token="a")).save(str(tmp_path / "tokenizer.json"))
    inspect_row(tmp_path / "out", 0, tmp_path / "tokenizer.json")
    assert "is not the file that this mix was tokenized with" in caplog.text
    (tmp_path / "tokenizer.json").write_text("{}")
    refused(MixError, "not a tokenizer.json", inspect_row, tmp_path / "out", 0, tmp_path / "tokenizer.json")
    refused(MixError, "no such tokenizer file", inspect_row, tmp_path / "out", 0, tmp_path / "nowhere")


@pytest.mark.parametrize(
    "override, said",
    [
        ("row_tokens=1", "row_tokens: Input should be greater than or equal to 2 (got 1)"),
        ("weights.wbe=1", "weights for wbe, but the sources are law, web"),
        ("weights={web: 0.7, law: 0.7}", "they sum to 1.4"),
        ("tokens=100M", "blocks this mix"),
        ("sources.law.tokens=nowhere", "source law: nowhere: no such folder"),
    ],
)
def test_commands_end_with_one_line_and_no_traceback(tmp_path, two_sources, override, said):
    recipe = two_sources().model_dump(mode="json")
    sources = {
        name: {"tokens": [str(tmp_path / "tokens" / part) for part in parts], "max_epochs": 3} for name, parts in (("web", ["web0", "web1"]), ("law", ["law"]))
    }
    text = {"name": "m", "row_tokens": recipe["row_tokens"], "sources": sources, "tokens": "20K", "weights": {"web": 3, "law": 1}}
    (tmp_path / "mix.yaml").write_text(yaml.safe_dump(text))
    output = run("mix", "build", tmp_path / "mix.yaml", "--out", tmp_path / "mix", "--set", override, code=2)
    assert said in output and output.count("\n") == 1, output
    assert not (tmp_path / "mix").exists()


def test_the_manifest_of_a_finished_mix_is_the_last_thing_to_appear(tmp_path, two_sources, monkeypatch):
    monkeypatch.setattr("mix.build.write_preview", lambda *arguments: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError):
        build(two_sources())
    refused(ShardError, "half-written|not a shard set", open_mix, tmp_path / "out")
    monkeypatch.undo()
    build(two_sources())
    assert read_manifest(tmp_path / "out").kind == "mix"
