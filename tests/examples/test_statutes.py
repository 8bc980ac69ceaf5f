"""Statutes from their XML."""

from examples.synthesis.statutes import section_text

NAMESPACE = "https://code.dccouncil.us/schemas/dc-library"
SECTION = f"""<section xmlns="{NAMESPACE}"><num>1-2</num><heading>Fees and fines.</heading>
  <para><num>(a)</num><para><num>(1)</num><text>The Board may set a
      fee.</text></para><para><num>(2)</num><text>The fee is due in <cite path="x">May</cite>.</text></para></para>
  <annotations><annotation>History of the law.</annotation></annotations></section>"""


def test_a_section_is_its_heading_and_its_numbered_paragraphs_without_annotations(tmp_path):
    path = tmp_path / "1-2.xml"
    path.write_text(SECTION)
    section = section_text(path)
    assert section is not None and section["title"] == "Fees and fines"
    assert section["text"] == "§ 1-2. Fees and fines.\n\n(a)(1) The Board may set a fee.\n\n(2) The fee is due in May."


def test_a_file_of_another_kind_is_passed_over(tmp_path):
    path = tmp_path / "index.xml"
    path.write_text("<index/>")
    assert section_text(path) is None
