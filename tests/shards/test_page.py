import re
from pathlib import Path
from xml.etree import ElementTree

import jinja2
import pytest

from shards import page
from shards.page.colors import MODEL_COLORS, SOURCE_COLORS, model_colors, source_colors


def painted(figure):
    figure.subplots().set_title("a <b> & $x_1$")


def test_a_figure_is_valid_svg_that_fetches_nothing_and_says_what_it_is():
    svg = page.draw("gain & <loss>", (2, 1), painted)
    root = ElementTree.fromstring(svg)
    assert root.attrib["aria-label"] == "gain & <loss>" and "width" not in root.attrib and root.attrib["viewBox"]
    assert "a <b> & $x_1$" in "".join(root.itertext())
    assert "metadata" not in svg and not re.search(r"(href|src)=\"(?!#)", svg)


def test_equal_figures_have_equal_bytes_and_other_names_other_ids():
    first, again, other = (page.draw(name, (2, 1), lambda figure: figure.subplots().plot([1, 2], clip_on=True)) for name in ("a", "a", "b"))
    assert first == again
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (first, other)]
    assert ids[0] and not ids[0] & ids[1]


def test_values_are_escaped_in_html_and_not_in_markdown_and_a_missing_one_raises(tmp_path: Path):
    for name in ("page.html.j2", "page.md.j2"):
        (tmp_path / name).write_text("{{ text }} {{ n | count }} {{ n | size }}")
    assert page.render(tmp_path / "page.html.j2", text="<b>", n=1234) == "&lt;b&gt; 1,234 1.2 kB"
    assert page.render(tmp_path / "page.md.j2", text="<b>", n=None) == "<b> – –"
    with pytest.raises(jinja2.UndefinedError, match="text"):
        page.render(tmp_path / "page.md.j2", n=1)


def test_pages_extend_one_skeleton_with_a_style_for_phones_and_paper(tmp_path: Path):
    (tmp_path / "page.html.j2").write_text('{% extends "base.html.j2" %}{% block title %}{{ title }}{% endblock %}{% block content %}here{% endblock %}')
    html = page.render(tmp_path / "page.html.j2", title="<T>")
    assert "<title>&lt;T&gt;</title>" in html and "@media print" in html and "@media (max-width: 640px)" in html and "here" in html


def test_no_grid_of_any_page_is_wider_than_a_phone():
    root = Path(page.__file__).parents[2]
    rooms = [root / room for room in ("shards", "curate", "eval", "tokenize_tools")]
    styles = [path for room in rooms for kind in ("css", "html.j2") for path in room.rglob(f"*.{kind}")]
    assert len(styles) > 5
    for style in styles:
        assert not re.search(r"minmax\(\d+px", style.read_text()), f"{style}: write minmax(min(400px, 100%), 1fr)"


@pytest.mark.parametrize("n_bytes, said", [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_345_678, "2.3 MB"), (5 * 10**12, "5,000.0 GB")])
def test_sizes_have_a_unit_in_which_they_are_not_zero(n_bytes, said):
    assert page.size(n_bytes) == said


def test_a_source_has_one_colour_on_all_pages_and_no_model_has_it():
    both = source_colors(["general", "domain"])
    assert both["domain"] == source_colors(["domain"])["domain"] and both["domain"] != both["general"]
    assert source_colors(["domain", "general"]) == both
    many = source_colors(f"s{number}" for number in range(len(SOURCE_COLORS)))
    assert set(many.values()) == set(SOURCE_COLORS)
    assert len(source_colors(f"s{number}" for number in range(30))) == 30
    assert not set(MODEL_COLORS) & set(SOURCE_COLORS)
    assert list(model_colors(["b", "a", "b"]).items()) == [("b", MODEL_COLORS[0]), ("a", MODEL_COLORS[1])]
