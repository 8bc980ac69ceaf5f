import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup.keep import members, preference, survivors

COLUMN = st.lists(st.sampled_from([0.0, 1.0, 2.0, np.nan]), min_size=8, max_size=8)


def key(doc: int, *columns: list[float]) -> list[float]:
    return [*(np.inf if np.isnan(column[doc]) else column[doc] for column in columns), doc]


@given(COLUMN, COLUMN)
def test_the_first_criterion_decides_then_the_next_then_the_place_and_missing_values_come_last(first, second):
    assert preference([np.array(first), np.array(second)]).tolist() == sorted(range(8), key=lambda doc: key(doc, first, second))


def test_members_are_the_documents_that_have_a_copy():
    assert members(np.array([0, 1, 0, 3, 1, 5])).tolist() == [0, 1, 2, 4]
    assert members(np.empty(0, np.int64)).tolist() == []


def test_the_survivor_of_a_cluster_is_its_first_in_order_of_preference():
    assert survivors(np.array([7, 3, 7, 7, 3, 9])).tolist() == [0, 1, 0, 0, 1, 5]
    assert survivors(np.empty(0, np.int64)).tolist() == []
