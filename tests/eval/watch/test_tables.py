from eval.watch.tables import correction_words


def test_the_correction_names_the_number_of_verdicts_that_it_covers():
    curves = [{"points": [{"adjusted_p": 0.01}, {"adjusted_p": None}]}, {"points": [{"adjusted_p": 1.0}]}]
    assert correction_words(curves).startswith("Verdicts are corrected over all 2 of these curves (Holm)")
