"""Which pages are generated, and that the rest of a page stays as it was written."""

from docs.generate.pages import BLOCKS, RECIPES, pages


def test_only_the_marked_part_of_a_page_is_generated(tmp_path, monkeypatch):
    monkeypatch.setitem(BLOCKS, "toy", lambda: "| new |")
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "a.md").write_text("# A\n\nBefore.\n\n<!-- generated: toy -->\nold\n<!-- end -->\n\nAfter.\n")
    (tmp_path / "reference" / "b.md").write_text("# B\n")
    texts = pages(tmp_path)
    assert texts["reference/a.md"] == "# A\n\nBefore.\n\n<!-- generated: toy -->\n\n| new |\n\n<!-- end -->\n\nAfter.\n"
    assert "reference/b.md" not in texts


def test_there_is_a_page_for_each_kind_of_recipe(tmp_path):
    (tmp_path / "reference").mkdir()
    texts = pages(tmp_path)
    assert set(texts) == {f"reference/recipes/{name}.md" for name in RECIPES}
    assert all(text.startswith("<!-- Written by `python -m docs.generate`") for text in texts.values())


def test_pages_that_docstrings_name_become_links(tmp_path):
    (tmp_path / "reference").mkdir()
    text = pages(tmp_path)["reference/recipes/train.md"]
    assert "docs/how-to" not in text and "[train](../../how-to/train.md)" in text
