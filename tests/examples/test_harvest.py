import inspect
import json
import sysconfig
from pathlib import Path

import pytest
from backports import zstd

from examples.demo import harvest
from shards.errors import CptkitError

LONG = "A sentence about the thing that is documented here. " * 5

MODULE = f'''"""{LONG}"""
class Outer:
    """short"""
    def inner(self):
        """Inner.

            {LONG}
        """
async def later():
    """{LONG}"""
x = """{LONG}"""
'''


def read_back(path: Path) -> list[dict]:
    return [json.loads(line) for line in zstd.decompress(path.read_bytes()).decode().splitlines()]


def test_docstrings_are_those_python_would_show():
    found = dict(harvest.docstrings_in(MODULE))
    assert list(found) == ["", "Outer.inner", "later"]
    namespace: dict = {}
    exec(MODULE, namespace)
    assert found["Outer.inner"] == inspect.getdoc(namespace["Outer"].inner)
    assert found["later"] == inspect.getdoc(namespace["later"])


@pytest.mark.parametrize("source", ["def broken(:", "x = '\0'", "(" * 500 + ")" * 500])
def test_source_that_is_not_python_gives_no_docstrings(source):
    assert list(harvest.docstrings_in(source)) == []


def test_docstrings_do_not_depend_on_the_number_of_processes(tmp_path):
    files = []
    for number in range(harvest.FILES_PER_TASK + 3):
        path = tmp_path / f"m{number}.py"
        path.write_text(f'"""{LONG}{number}"""')
        files.append((path, path.name))
    one, two = harvest.docstrings(files, 1), harvest.docstrings(files, 2)
    assert one == two and [document["path"] for document in one] == [name for _, name in files]


def test_source_is_read_in_its_declared_encoding_and_skipped_when_it_cannot_be(tmp_path):
    latin, broken = tmp_path / "latin.py", tmp_path / "broken.py"
    latin.write_bytes("# -*- coding: latin-1 -*-\n# café\n".encode("latin-1"))
    broken.write_bytes(b"# \xff\xfe\n")
    assert "café" in (harvest.read_source(latin) or "")
    assert harvest.read_source(broken) is None and harvest.read_source(tmp_path / "absent.py") is None


def test_the_domain_is_the_standard_library_unchanged_and_without_tests():
    documents = {document["path"]: document["text"] for document in harvest.harvest_domain()}
    stdlib = Path(sysconfig.get_path("stdlib"))
    assert documents["json/decoder.py"] == (stdlib / "json" / "decoder.py").read_text()
    assert not any(harvest.SKIPPED_FOLDERS & set(Path(path).parts) for path in documents)


def test_the_bound_on_bytes_keeps_a_sample_in_the_given_order_that_only_the_texts_decide():
    documents = [{"text": f"document number {number} " * 10} for number in range(200)]
    kept = harvest.keep_within(documents, 10_000)
    sizes = [len(document["text"]) for document in kept]
    assert 10_000 - max(sizes) < sum(sizes) <= 10_000
    assert kept == [document for document in documents if document in kept]
    assert sorted(map(str, kept)) == sorted(map(str, harvest.keep_within(documents[::-1], 10_000)))
    assert harvest.keep_within(documents, 10**9) == documents


def test_written_files_hold_the_documents_and_equal_documents_give_equal_bytes(tmp_path):
    documents = [{"text": "naïve\nline\u2028end", "source": "topics"}, {"text": "lone \ud800 surrogate", "source": "topics"}]
    for name in ("a.jsonl.zst", "b.jsonl.zst"):
        harvest.write_jsonl(tmp_path / name, documents)
    assert (tmp_path / "a.jsonl.zst").read_bytes() == (tmp_path / "b.jsonl.zst").read_bytes()
    assert [json.loads(line) for line in zstd.decompress((tmp_path / "a.jsonl.zst").read_bytes()).decode().split("\n")[:-1]] == [
        {"text": "naïve\nline\u2028end", "source": "topics"},
        {"text": "lone ? surrogate", "source": "topics"},
    ]


def test_the_command_writes_both_corpora_and_refuses_a_python_without_sources(tmp_path, monkeypatch):
    monkeypatch.setattr(harvest, "PACKAGES", ("yaml",))
    harvest.harvest(out=tmp_path, workers=1)
    general = read_back(tmp_path / "general.jsonl.zst")
    assert {document["source"] for document in general} >= {"descriptions", "topics"}
    assert all(len(document["text"]) >= harvest.MIN_CHARACTERS for document in general if document["source"] != "topics")
    monkeypatch.setattr(harvest, "harvest_domain", lambda: [])
    with pytest.raises(CptkitError, match="domain: this Python has no text"):
        harvest.harvest(out=tmp_path, workers=1)


def test_no_package_gives_more_docstrings_than_its_share_and_each_document_names_its_package(monkeypatch):
    monkeypatch.setattr(harvest, "PACKAGES", ("numpy", "yaml"))
    monkeypatch.setattr(harvest, "MAX_PACKAGE_BYTES", 5_000)
    found = [document for document in harvest.harvest_general(1) if document["source"] == "docstrings"]
    sizes = {name: sum(len(document["text"].encode()) for document in found if document["package"] == name) for name in ("numpy", "yaml")}
    assert {document["package"] for document in found} == {"numpy", "yaml"} and 4_000 < sizes["numpy"] <= 5_000
    assert harvest.package_of("asyncio/events.py") == "asyncio" and harvest.package_of("bisect.py") == "bisect"
