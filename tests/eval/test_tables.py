from eval.tables import contamination_words, difference_rows, interval, needle_rows, position_rows, score_rows, signed, slice_rows, transfer_rows
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
    assert [(row[0], row[4], row[-1]) for row in differences] == [("d", "−0.5000", "better"), ("g", "+0.1000", "worse, beyond tolerance")]
    assert all(len(row) == len(header) for row in differences)


def test_tables_of_long_context_have_one_row_per_bucket_and_model_and_one_column_per_depth():
    section = synthetic.long_context(["base", "new"])
    header, rows = position_rows(section)
    assert [row[:2] for row in rows[-2:]] == [["33 to 64 (beyond its limit)", "base"], ["33 to 64", "new"]]
    assert [row[-1] for row in rows] == ["baseline", "undetectable"] * 3 and all(len(row) == len(header) for row in rows)
    header, rows = needle_rows(section)
    assert header == ["model", "length", "depth 0", "depth 1"] and rows[0] == ["base", "32", "50%", "50%"] and len(rows) == 4


def test_a_verdict_says_what_it_leaves_out_and_text_that_is_lost_is_shown():
    summary = synthetic.summary({"base": {"d": 2.0}, "new": {"d": 1.5}}, {"d": "retain"})
    summary["differences"][0] |= {"of": "checkpoint", "below_seed_noise": True}
    assert difference_rows(summary)[1][0][3:] == ["checkpoint", "−0.5000", "[−0.5080, −0.4920]", "0.0114", "better, within tolerance, smaller than seed noise"]
    summary["differences"][0] |= {"verdict": "too few", "retained": "too few", "below_seed_noise": False}
    assert difference_rows(summary)[1][0][-1] == "too few"
    summary["scores"][0] |= {"lost_bytes": 4800, "effective": 24.4, "clusters": 40}
    assert score_rows(summary)[1][0][5:] == ["24.4 of 40", "0.48", "0.333", "1.00%"]


def test_slices_and_transfer_have_one_row_each():
    row = synthetic.difference("new", "base", "d", "gain", -0.5, 0.1)
    header, rows = slice_rows({"slices": [row | {"slice": "source", "value": "court", "documents": 1200}]})
    assert len(header) == len(rows[0]) and rows[0][:6] == ["d", "source", "court", "new", "1,200", "−0.5000"]
    mean = row | {"kind": "forward", "domain": "mean", "model": None, "against": None}
    header, rows = transfer_rows({"rows": [mean]})
    assert len(header) == len(rows[0]) and rows[0][:5] == ["forward", "mean", "", "", "−0.5000"]


NOTHING = {"items": 20, "exact": 0, "near": 0, "contained": 0, "covered": 0, "none": 20, "too_short": 0, "touched": 3}


def test_what_stands_in_training_sets_is_told_by_domain():
    found = {"law": NOTHING | {"exact": 2, "contained": 5, "none": 13}, "art": NOTHING}
    assert contamination_words({"domains": found, "left_out": {"law": 2}}, "domains") == [
        "Contamination: of 20 items of law, 2 equal, 5 for the most part contained in the training sets; the file also has scores without them.",
        "Contamination: 2 items of law were left out, because they stand in the training sets.",
    ]
    (sentence,) = contamination_words({"tasks": {"sky": NOTHING}}, "tasks")
    assert sentence.startswith("Contamination: nothing scored stands in the training sets")
    assert contamination_words(None, "domains") == []
