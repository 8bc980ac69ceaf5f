import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from curate.rewrite.cuts import cut_texts


@given(st.lists(st.tuples(st.text("abcdef\n", max_size=12), st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=4)), max_size=6))
def test_bytes_in_a_range_are_removed_and_all_others_stay(documents: list[tuple[str, list[tuple[int, int]]]]) -> None:
    cuts = sorted((doc, min(pair), max(pair)) for doc, (_, pairs) in enumerate(documents) for pair in pairs)
    texts = cut_texts(pa.array([text for text, _ in documents], pa.large_string()), np.array(cuts, np.int64).reshape(-1, 3))
    slow = ["".join(char for at, char in enumerate(text) if not any(min(p) <= at < max(p) for p in pairs)) for text, pairs in documents]
    assert texts.to_pylist() == slow


def test_offsets_in_a_slice_of_an_array_count_from_the_slice() -> None:
    texts = pa.array(["never", "größe", "mehr"], pa.large_string()).slice(1)
    assert cut_texts(texts, np.array([[0, 2, 4]])).to_pylist() == ["grße", "mehr"]
