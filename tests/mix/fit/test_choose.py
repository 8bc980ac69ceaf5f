import numpy as np
import pytest

from mix.fit.choose import Contender, choose
from mix.fit.errors import HeldOut


def contender(law: str, n_free: int, errors: list[float], split: str = "ratio") -> Contender:
    observed = np.full(len(errors), 3.0)
    return Contender(law, n_free, {split: HeldOut(observed, observed + errors, np.arange(len(errors)), len(errors))})


def test_the_smallest_error_is_chosen():
    chosen, reason = choose([contender("large", 3, [0.5, 0.6, 0.5]), contender("small", 9, [0.1, 0.1, 0.1])], "ratio")
    assert chosen == "small" and reason == "smallest error on held-out ratios"


def test_of_laws_that_the_ratios_cannot_tell_apart_the_one_with_fewer_parameters_is_chosen():
    chosen, reason = choose([contender("many", 9, [0.1, 0.3, 0.1, 0.3]), contender("few", 3, [0.3, 0.12, 0.3, 0.12])], "ratio")
    assert chosen == "few" and reason == "error on held-out ratios within one standard error of many's, which is the smallest, with fewer parameters"


def test_a_small_but_steady_difference_is_no_chance():
    assert choose([contender("many", 9, [0.1, 0.3, 0.1, 0.3]), contender("few", 3, [0.11, 0.31, 0.11, 0.31])], "ratio")[0] == "many"


def test_a_law_without_a_fixed_number_of_parameters_counts_as_having_the_most():
    assert choose([contender("trees", 0, [0.1, 0.3, 0.1, 0.3]), contender("few", 9, [0.3, 0.12, 0.3, 0.12])], "ratio")[0] == "few"


def test_laws_that_were_not_tested_are_passed_over():
    assert choose([contender("other", 2, [0.1], "size"), contender("law", 3, [0.5, 0.6])], "ratio")[0] == "law"
    with pytest.raises(ValueError, match="no law was tested on step"):
        choose([contender("law", 3, [0.5, 0.6])], "step")


def test_a_simpler_law_that_is_worse_than_a_trivial_guess_is_not_preferred_to_one_that_is_better():
    laws = [contender("many", 9, [0.1, 0.3, 0.1, 0.3]), contender("few", 3, [0.3, 0.12, 0.3, 0.12])]
    assert choose(laws, "ratio", 0.205)[0] == "many"
    assert choose(laws, "ratio", 0.1)[0] == "few"  # both are worse
