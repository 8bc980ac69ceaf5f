from benchmarks.gpu_results import append, describe, section


def test_lines_of_a_device_stand_below_its_heading(tmp_path):
    results = tmp_path / "RESULTS.md"
    results.write_text("# Results\n\n| a table |\n")
    for line, title in (("- a", "### one"), ("- b", "### one"), ("- c", "### two"), ("- d", "### one")):
        append(line, title, results)
    expected = "## On a GPU\n\nWritten by `benchmarks/gpu.sh`.\n\n### one\n\n- a\n- b\n- d\n\n### two\n\n- c\n"
    assert results.read_text() == "# Results\n\n| a table |\n\n" + expected
    assert section(results) == expected


def test_there_is_no_section_before_the_first_run(tmp_path):
    assert section(tmp_path / "RESULTS.md") == ""


def test_a_part_is_described_by_its_result_or_by_how_it_failed():
    assert describe("rope", 0, 3, 'words\n{"positions": 4096, "error": {"ours": 0.00012}}') == "- `rope`, 3 s: positions 4096, error {ours 0.00012}"
    assert describe("tests", 0, 40, "12 passed in 39.1s\n") == "- `tests`, 40 s: 12 passed in 39.1s"
    assert describe("step", 124, 90, "micro-batches of 8 rows") == "- `step`, 90 s: ran out of time; last line: micro-batches of 8 rows"
    assert describe("train", 1, 2, "") == "- `train`, 2 s: failed with exit status 1; last line: no output"
