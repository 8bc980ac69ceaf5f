from eval.tables import difference_rows, interval, needle_rows, position_rows, score_rows, signed
from tests.eval import synthetic


def test_numbers_have_a_sign_and_missing_ones_are_unbounded():
    assert [signed(0.5), signed(-0.5, 2), signed(None)] == ["+0.5000", "−0.50", "unbounded"]
    assert interval({"low": -0.2, "high": 0.1}) == "[−0.2000, +0.1000]"
    assert interval({"low": None, "high": None}) == "unbounded"


def test_tables_have_one_row_per_score_and_per_difference():
    summary = synthetic.summary({"base": {"d": 2.0, "g": 1.0}, "new": {"d": 1.5, "g": 1.1}}, {"d": "gain", "g": "retain"})
    header, scores = score_rows(summary)
    assert [row[:3] for row in scores] == [[row["domain"], row["model"], f"{row['bits_per_byte']:.4f}"] for row in summary["scores"]]
    assert all(len(row) == len(header) for row in scores)
    header, differences = difference_rows(summary)
    assert [(row[0], row[3], row[-1]) for row in differences] == [("d", "−0.5000", "better"), ("g", "+0.1000", "worse, beyond tolerance")]
    assert all(len(row) == len(header) for row in differences)


def test_tables_of_long_context_have_one_row_per_bucket_and_model_and_one_column_per_depth():
    section = synthetic.long_context(["base", "new"])
    header, rows = position_rows(section)
    assert [row[:2] for row in rows[-2:]] == [["33 to 64 (beyond its limit)", "base"], ["33 to 64", "new"]]
    assert [row[-1] for row in rows] == ["baseline", "undetectable"] * 3 and all(len(row) == len(header) for row in rows)
    header, rows = needle_rows(section)
    assert header == ["model", "length", "depth 0", "depth 1"] and rows[0] == ["base", "32", "50%", "50%"] and len(rows) == 4
