from benchmarks.laws_published import measure


def test_published_figures_are_met_and_stated_under_their_keys():
    figures = {figure.key: figure for figure in measure()}
    assert {"cmr_t100", "cmr_25", "dcpt_crossing", "dcpt_heldout", "dcpt_argmin"} == set(figures)
    assert all(figure.met for figure in figures.values())
    assert figures["cmr_25"].ours < figures["cmr_25"].published
