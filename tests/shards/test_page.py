import math
import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import jinja2
import numpy as np
import pytest

from shards import page
from shards.page.colors import MODEL_COLORS, SOURCE_COLORS, model_colors, source_colors
from shards.page.theme import DARK_PAPER, contrast, dark, text_on

VISIONS = (
    (np.eye(3), 0.09),
    (np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]), 0.09),
    (np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]), 0.09),
    (np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]), 0.07),
)
"""Normal vision, protanopia, deuteranopia and tritanopia (Machado et al. 2009), as matrices on linear sRGB; and the least distance of two colours."""


def oklab(color: str, vision: np.ndarray) -> np.ndarray:
    srgb = np.array([int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    linear = np.clip(vision @ np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4), 0, 1)
    cones = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]])
    lab = np.array([[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099], [0.0259040371, 0.7827717662, -0.808675766]])
    return lab @ np.cbrt(cones @ linear)


def painted(figure):
    figure.subplots().set_title("a <b> & $x_1$")


def test_a_figure_is_valid_svg_that_fetches_nothing_and_says_what_it_is():
    svg = page.draw("gain & <loss>", (2, 1), painted, description="Up & <down>.")
    root = ElementTree.fromstring(svg)
    assert root.attrib["aria-label"] == "gain & <loss>" and "width" not in root.attrib and root.attrib["viewBox"]
    assert root.attrib["role"] == "img" and root[0].tag.endswith("desc") and root[0].text == "Up & <down>."
    assert "a <b> & $x_1$" in "".join(root.itertext())
    assert "metadata" not in svg and not re.search(r"(href|src)=\"(?!#)", svg)


def test_equal_figures_have_equal_bytes_and_other_names_other_ids():
    first, again, other = (page.draw(name, (2, 1), lambda figure: figure.subplots().plot([1, 2], clip_on=True), description="") for name in ("a", "a", "b"))
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
    assert "<title>&lt;T&gt;</title>" in html and "@media print" in html and "@media screen and (max-width: 640px)" in html and "here" in html


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


def test_cells_of_a_table_name_their_column_and_rows_have_headers(tmp_path: Path):
    (tmp_path / "page.html.j2").write_text(
        '{% import "ui.html.j2" as ui %}{% call ui.table("Scores & <more>", ["model", ("verdict", "left"), "bits"]) %}'
        '<tr><td colspan="3">law</td></tr><tr><td>{{ name }}</td><td class="x">better</td><td>1.5</td></tr>{% endcall %}'
    )
    html = " ".join(page.render(tmp_path / "page.html.j2", name="<td>").split())
    assert "<caption>Scores &amp; &lt;more&gt;</caption>" in html and html.count('scope="col"') == 3
    assert '<tr><th scope="rowgroup" colspan="3">law</th></tr>' in html
    assert '<th scope="row">&lt;td&gt;</th><td data-label="verdict" class="left x">better</td><td data-label="bits">1.5</td>' in html


def test_figures_and_dots_follow_the_colour_scheme_and_text_stays_as_it_is(tmp_path: Path):
    svg = page.draw("a", (8, 2), lambda figure: figure.subplots().set_title("#9a65d7", color="#9a65d7"), description="")
    assert ">#9a65d7<" in svg and "var(--c-9a65d7, #9a65d7)" in svg and not re.search(r'style="[^"]*[^ ,]#[0-9a-f]{6}', svg.replace(", #", ",#"))
    assert svg.count("<svg") == 2 and "wide-screen" in svg and "phone-screen" in svg
    (tmp_path / "page.html.j2").write_text('{% extends "base.html.j2" %}{% block content %}{{ svg }}{% endblock %}')
    assert f"--c-9a65d7: {dark('#9a65d7')};" in page.render(tmp_path / "page.html.j2", svg=svg)


def test_colours_of_names_can_be_told_from_the_page_and_from_each_other_in_both_schemes():
    assert dark("#ffffff") == DARK_PAPER
    assert all(contrast(text_on(color), color) >= 4.5 and contrast(dark(text_on(color)), dark(color)) >= 4.5 for color in SOURCE_COLORS)
    for colors in (SOURCE_COLORS, MODEL_COLORS):
        assert all(contrast(color, "#ffffff") >= 3 and contrast(dark(color), DARK_PAPER) >= 3 for color in colors)
        for scheme in (colors, [dark(color) for color in colors]):
            for vision, least in VISIONS:
                seen = [oklab(color, vision) for color in scheme]
                assert min(math.dist(one, other) for one, other in combinations(seen, 2)) >= least


def test_text_on_any_shade_can_be_read_in_both_schemes():
    for shade in ("#f5f2e6", "#c0a080", "#b3361a", "#808080", "#202020", "#ffffff"):
        assert contrast(text_on(shade), shade) >= 4.5 and contrast(dark(text_on(shade)), dark(shade)) >= 4.5


def test_no_two_names_share_a_colour_however_many_there_are():
    colors = [*source_colors(f"s{number}" for number in range(60)).values(), *model_colors(f"m{number}" for number in range(60)).values()]
    assert len(set(colors)) == 120
    assert all(contrast(color, "#ffffff") >= 3 and contrast(dark(color), DARK_PAPER) >= 3 for color in colors)
