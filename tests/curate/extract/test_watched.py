"""Pages become text whatever they hold; a page that takes too long or crashes its parser costs one verdict."""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from curate.extract.recipe import ExtractRecipe
from curate.extract.watched import MAX_PAGE_BYTES, WatchedExtractor
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from shards.read import ShardSet
from tests.curate.extract.pages import PAGE, PARAGRAPHS
from tests.processes import marked, survivors


def test_a_page_that_takes_too_long_is_ended_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow_extractor(tmp_path, monkeypatch)
    extractor = WatchedExtractor(ExtractRecipe(name="justext", timeout="0.3s"))  # type: ignore[arg-type]
    assert extractor.extract(b"quick").text == "quick"
    late = extractor.extract(b"endless")
    assert (late.text, late.rule, late.problem) == (None, "extract/timeout", "justext took more than 0.3 s")
    crashed = extractor.extract(b"crash")
    assert crashed.rule == "extract/crashed" and "SIGSEGV" in str(crashed.problem)
    failed = extractor.extract(b"error")
    assert failed.rule == "extract/failed" and failed.problem == "ValueError: cannot"
    assert extractor.extract(b"quick").text == "quick"
    extractor.close()


def test_a_page_whose_process_is_killed_once_is_read_and_one_killed_twice_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow_extractor(tmp_path, monkeypatch)
    extractor = WatchedExtractor(ExtractRecipe(name="justext"))
    assert extractor.extract(b"killed once").text == "killed once" and (tmp_path / "killed").exists()
    killed = extractor.extract(b"killed")
    assert killed.rule == "extract/killed" and "killed twice at the page (SIGKILL), as the system does when memory runs out" in str(killed.problem)
    assert extractor.extract(b"quick").text == "quick"
    extractor.close()


def test_a_process_killed_between_two_pages_costs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow_extractor(tmp_path, monkeypatch)
    extractor = WatchedExtractor(ExtractRecipe(name="justext"))
    os.kill(int(str(extractor.extract(b"pid").text)), signal.SIGKILL)
    assert extractor.extract(b"quick").text == "quick"
    extractor.close()


def test_the_worker_process_ends_with_its_parent_even_while_busy_with_a_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow_extractor(tmp_path, monkeypatch)
    mark = uuid.uuid4().hex
    code = (
        "from curate.extract.watched import *; from curate.extract.recipe import ExtractRecipe as R; e = WatchedExtractor(R(name='justext', timeout='60s'))\n"
    )
    code += "print(e.extract(b'pid').text, flush=True); e.extract(b'endless')"
    environment = os.environ | {"CPTKIT_TEST_MARK": mark, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    asking = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment)
    assert asking.stdout is not None and int(asking.stdout.readline()) in marked(mark)
    asking.kill()
    asking.communicate()
    assert survivors(mark) == set()


def test_a_run_reports_pages_whose_process_was_killed_twice_as_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow_extractor(tmp_path, monkeypatch)
    (tmp_path / "pages").mkdir()
    for name, page in (("a.html", "killed"), ("b.html", "killed once"), ("c.html", "crash")):
        (tmp_path / "pages" / name).write_text(page)
    recipe = {"name": "pages", "inputs": [{"path": str(tmp_path / "pages"), "extract": {"name": "justext"}}], "language": None, "rules": []}
    outcome = run(CurateRecipe.model_validate(recipe), tmp_path / "out", 1)
    (fault,) = outcome.report["faults"]
    assert fault["file"].endswith("a.html") and fault["problem"].startswith("row 0: the process of justext was killed twice at the page (SIGKILL)")
    rules = {row["file"]: row["rule"] for row in ShardSet(tmp_path / "out" / "verdicts", "verdicts").to_table().to_pylist()}
    assert rules == {"a.html": "extract/killed", "c.html": "extract/crashed"} and outcome.report["counts"]["kept"] == 1
    assert {row["rule"] for row in outcome.report["funnel"]} == {"extract/killed", "extract/crashed"}


def slow_extractor(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for justext, so that the process that extracts does what a C library may do."""
    (folder / "justext.py").write_text(
        "import os, signal\n"
        "class Paragraph:\n    is_boilerplate = False\n    def __init__(self, text): self.text = text\n"
        "def justext(html, words, **options):\n"
        "    if html == 'endless':\n        return [Paragraph(str(sum(range(10 ** 11))))]\n"
        "    if html == 'crash':\n        os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    if html == 'killed':\n        os.kill(os.getpid(), signal.SIGKILL)\n"
        f"    if html == 'killed once':\n        if not os.path.exists({str(folder / 'killed')!r}):\n"
        f"            open({str(folder / 'killed')!r}, 'w'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "    if html == 'pid':\n        return [Paragraph(str(os.getpid()))]\n"
        "    if html == 'error':\n        raise ValueError('cannot')\n"
        "    return [Paragraph(html)]\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    # What was imported from there must not stay for other tests: trafilatura needs the real one.
    monkeypatch.setitem(sys.modules, "justext", None)
    del sys.modules["justext"]


@pytest.mark.parametrize("name", ["resiliparse", "trafilatura"])
def test_deep_nesting_costs_one_page_at_most(name: str) -> None:
    extractor = WatchedExtractor(ExtractRecipe(name=name, timeout=5))  # type: ignore[arg-type]
    for depth in (1000, 100_000):
        extracted = extractor.extract(b"<div>" * depth + b"deep" + b"</div>" * depth)
        assert (extracted.text is None) == (extracted.rule is not None)
    assert all(line in str(extractor.extract(PAGE.encode()).text) for line in PARAGRAPHS)
    extractor.close()


def test_a_page_beyond_the_limit_is_not_tried() -> None:
    assert WatchedExtractor(ExtractRecipe()).extract(b"x" * (MAX_PAGE_BYTES + 1)).rule == "extract/too_long"
