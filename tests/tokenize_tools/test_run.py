import json
import os

import pytest

from shards.errors import CptkitError, ShardError
from shards.manifest import read_manifest
from shards.read import ShardSet
from shards.stages import Stage
from tests.commands import content
from tests.tokenize_tools.samples import ODD, byte_fallback, byte_level, documents_set, prose, reference_ids
from tokenize_tools import backends, encode
from tokenize_tools import run as running
from tokenize_tools.errors import TokenizeError
from tokenize_tools.recipe import TokenizeRecipe
from tokenize_tools.run import count, tokenize


@pytest.fixture
def bpe(tmp_path):
    return byte_level(tmp_path / "bpe")


TEXTS = [*ODD, *prose(0, 80)]


@pytest.fixture
def documents(tmp_path):
    return documents_set(tmp_path / "documents", TEXTS)


def recipe(documents, tokenizer, out, **options) -> TokenizeRecipe:
    return TokenizeRecipe(documents=[documents], tokenizer=tokenizer, out=out, **options)


def rows(folder):
    return ShardSet(folder, "tokens").to_table().to_pylist()


def test_every_document_becomes_its_ids_and_eos_in_order_with_its_size_and_source(tmp_path, documents, bpe):
    tokenize(recipe(documents, bpe, tmp_path / "tokens"))
    ids = [row["id"] for row in ShardSet(documents).to_table().to_pylist()]
    for row, text, doc_id in zip(rows(tmp_path / "tokens"), TEXTS, ids, strict=True):
        expected = {"doc_id": doc_id, "tokens": [*reference_ids(bpe, text), 0], "n_bytes": len(text.encode()), "source": "general", "synthetic": False}
        assert row == expected


def test_bos_is_added_as_the_tokenizer_does_unless_an_option_overrides_it(tmp_path, documents):
    llama = byte_fallback(tmp_path / "llama")
    asked = {"own": {}, "without": {"bos": False}, "bare": {"bos": False, "eos": False}}
    first = {}
    for name, options in asked.items():
        tokenize(recipe(documents, llama, tmp_path / name, **options))
        first[name] = rows(tmp_path / name)[9]["tokens"]
    assert first["own"] == [1, *first["bare"], 2] and first["without"] == [*first["bare"], 2]


def test_the_manifest_records_the_tokenizer_and_the_parents(tmp_path, documents, bpe):
    manifest = tokenize(recipe(documents, bpe, tmp_path / "tokens"))
    table = ShardSet(tmp_path / "tokens").to_table()
    assert manifest.info["n_bytes"] == sum(len(text.encode()) for text in TEXTS)
    assert manifest.info["n_tokens"] == manifest.n_tokens == sum(map(len, table["tokens"].to_pylist()))
    assert (manifest.info["n_vocab"], manifest.info["eos_id"], manifest.info["tokenizer"]) == (600, 0, "bpe")
    assert manifest.parents[0].manifest_hash == read_manifest(documents).hash
    assert str(table.schema.field("tokens").type) == "large_list<item: uint16>"
    assert str(tmp_path) not in (tmp_path / "tokens" / "manifest.json").read_text()


@pytest.mark.parametrize("options", [{"workers": 2}, {"batch_bytes": 1000}, {"backend": "gigatoken"}, {"backend": "hf"}])
def test_workers_batches_and_backends_change_no_token(tmp_path, documents, bpe, options):
    tokenize(recipe(documents, bpe, tmp_path / "plain", task_bytes=4000))
    tokenize(recipe(documents, bpe, tmp_path / "other", task_bytes=4000, **options))
    assert rows(tmp_path / "plain") == rows(tmp_path / "other")
    if options == {"workers": 2}:
        assert content(tmp_path / "plain") == content(tmp_path / "other")


def test_an_interrupted_run_resumes_to_the_same_bytes_without_redoing_tasks(tmp_path, documents, bpe, monkeypatch):
    tokenize(recipe(documents, bpe, tmp_path / "whole", task_bytes=4000))
    done = []

    def stop_after_three(task):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(task.number)
        return encode.run_task(task)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(running, "run_task", stop_after_three)
        tokenize(recipe(documents, bpe, tmp_path / "killed", task_bytes=4000))
    with pytest.raises(ShardError):
        read_manifest(tmp_path / "killed")
    redone = []
    monkeypatch.setattr(running, "run_task", lambda task: redone.append(task.number) or encode.run_task(task))
    tokenize(recipe(documents, bpe, tmp_path / "killed", task_bytes=4000))
    assert content(tmp_path / "killed") == content(tmp_path / "whole") and not set(done) & set(redone) and redone


def test_a_finished_set_is_kept_and_rewritten_when_the_documents_change(tmp_path, documents, bpe, monkeypatch):
    tokenize(recipe(documents, bpe, tmp_path / "tokens"))
    with monkeypatch.context() as patched:
        patched.setattr(Stage, "commit", lambda *_: pytest.fail("a task was run again"))
        tokenize(recipe(documents, bpe, tmp_path / "tokens"))
    documents_set(documents, TEXTS[:-1])
    assert tokenize(recipe(documents, bpe, tmp_path / "tokens")).n_rows == len(TEXTS) - 1


def test_after_a_mismatch_on_a_rechecked_document_the_reference_encodes_the_whole_task(tmp_path, documents, bpe, monkeypatch, caplog):
    fast = backends.build("gigatoken", running.read_definition(bpe))

    def wrong_on_long_batches(texts):
        ids = fast.encode(texts)
        return backends.Ids(ids.flat[::-1], ids.offsets)

    wrong = backends.Backend("gigatoken", fast.version, wrong_on_long_batches)
    monkeypatch.setattr(encode, "build", lambda name, definition: wrong if name == "gigatoken" else backends.build(name, definition))
    manifest = tokenize(recipe(documents, bpe, tmp_path / "tokens", recheck_every=1, task_bytes=4000))
    assert [row["tokens"][:-1] for row in rows(tmp_path / "tokens")] == [reference_ids(bpe, text) for text in TEXTS]
    assert manifest.info["n_tasks_by_reference"] > 1 and "rerun with --backend hf" in caplog.text


def test_a_count_gives_the_figures_of_a_tokens_set_by_source_and_stores_no_token(tmp_path, documents, bpe):
    law = documents_set(tmp_path / "law", prose(7, 12), source="law")
    options = {"documents": [documents, law], "tokenizer": bpe, "task_bytes": 4000}
    manifest = tokenize(TokenizeRecipe(out=tmp_path / "tokens", **options))
    figures = count(TokenizeRecipe(out=tmp_path / "counts.json", workers=2, **options))
    assert figures == manifest.info == json.loads((tmp_path / "counts.json").read_text())
    for source in ("general", "law"):
        own = [row for row in rows(tmp_path / "tokens") if row["source"] == source]
        expected = {"n_documents": len(own), "n_bytes": sum(row["n_bytes"] for row in own), "n_tokens": sum(len(row["tokens"]) for row in own)} | {
            "n_synthetic_tokens": 0
        }
        assert figures["sources"][source] == expected
    assert sorted(path.name for path in tmp_path.glob("counts*")) == ["counts.json"]


def test_texts_of_special_tokens_in_documents_are_counted(tmp_path, bpe):
    documents = documents_set(tmp_path / "documents", ["<|endoftext|> and <|endoftext|>", "<|endoftext", "<|endoftext|>"])
    assert tokenize(recipe(documents, bpe, tmp_path / "tokens")).info["special_text"] == 3


def test_an_interrupted_count_resumes(tmp_path, documents, bpe, monkeypatch):
    done = []

    def stop_after_three(task):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(task.number)
        return encode.run_task(task)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(running, "run_task", stop_after_three)
        count(recipe(documents, bpe, tmp_path / "c.json", task_bytes=4000))
    monkeypatch.setattr(running, "run_task", lambda task: done.append(task.number) or encode.run_task(task))
    assert count(recipe(documents, bpe, tmp_path / "c.json", task_bytes=4000))["n_documents"] == len(TEXTS)
    assert len(done) == len(set(done))


def test_a_set_without_documents_gives_a_set_without_tokens(tmp_path, bpe):
    manifest = tokenize(recipe(documents_set(tmp_path / "none", []), bpe, tmp_path / "tokens"))
    assert manifest.n_rows == 0 and rows(tmp_path / "tokens") == []


def test_several_sets_are_tokenized_in_the_order_given(tmp_path, bpe):
    folders = [documents_set(tmp_path / name, prose(seed, 5), source=name) for seed, name in enumerate(["web", "law"])]
    tokenize(TokenizeRecipe(documents=folders, tokenizer=bpe, out=tmp_path / "tokens"))
    assert [row["source"] for row in rows(tmp_path / "tokens")] == ["web"] * 5 + ["law"] * 5


def test_a_missing_eos_is_refused_with_both_remedies(tmp_path, documents, bpe):
    (bpe / "tokenizer_config.json").write_text("{}")
    with pytest.raises(TokenizeError, match=r"bpe names no eos token; set eos_token in a tokenizer_config.json .*or use --no-eos"):
        tokenize(recipe(documents, bpe, tmp_path / "tokens"))
    tokenize(recipe(documents, bpe, tmp_path / "tokens", eos=False))


def test_an_output_folder_that_holds_another_kind_of_set_is_not_overwritten(tmp_path, documents, bpe):
    with pytest.raises(ShardError, match="holds a set of documents, which a set of tokens would replace; give another folder"):
        tokenize(recipe(documents, bpe, documents))
    assert len(ShardSet(documents, "documents")) == len(TEXTS)


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped", "manifest"])
def test_a_damaged_set_is_written_again(tmp_path, documents, bpe, damage):
    tokenize(recipe(documents, bpe, tmp_path / "tokens"))
    whole = content(tmp_path / "tokens")
    path = sorted((tmp_path / "tokens").glob("*.arrow"))[0] if damage != "manifest" else tmp_path / "tokens" / "manifest.json"
    raw = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(raw[:-9] if damage == "cut" else raw[:300] + bytes([raw[300] ^ 1]) + raw[301:])
        later = path.stat().st_mtime_ns + 10**9
        os.utime(path, ns=(later, later))
    tokenize(recipe(documents, bpe, tmp_path / "tokens"))
    assert content(tmp_path / "tokens") == whole


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_missing_or_truncated_document_file_is_reported_though_the_tokens_exist(tmp_path, documents, bpe, damage):
    tokenize(recipe(documents, bpe, tmp_path / "tokens"))
    path = sorted(documents.glob("*.arrow"))[1]
    raw = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(raw[:-9])
    with pytest.raises(CptkitError, match=path.name):
        tokenize(recipe(documents, bpe, tmp_path / "tokens"))


def test_a_tokenizer_that_loses_text_is_warned_of(tmp_path, bpe, caplog):
    tokenize(recipe(documents_set(tmp_path / "all", ["日本語 text"] * 3), bpe, tmp_path / "whole"))
    assert "loses" not in caplog.text
    lossy = json.loads((bpe / "tokenizer.json").read_text()) | {"normalizer": {"type": "Lowercase"}}
    (bpe / "tokenizer.json").write_text(json.dumps(lossy))
    tokenize(recipe(documents_set(tmp_path / "upper", ["SOME TEXT"] * 3), bpe, tmp_path / "lost"))
    assert "this tokenizer loses 88.89% of the bytes (0.00% are unknown tokens; 'SOME TEXT' becomes 'some text')" in caplog.text
