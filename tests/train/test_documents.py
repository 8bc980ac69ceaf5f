import numpy as np
import pytest

from tests.train.parts import write_tokenizer
from train.documents import as_rows, cut, encode
from train.errors import TrainError


@pytest.mark.parametrize("n_tokens, lengths", [(1, [1]), (2, [2]), (5, [5]), (6, [5, 2]), (9, [5, 5]), (10, [5, 5, 2])])
def test_pieces_predict_each_token_but_the_first_once(n_tokens, lengths):
    pieces = cut(np.arange(n_tokens), 5)
    assert [len(piece) for piece in pieces] == lengths
    assert [token for piece in pieces for token in piece[1:]] == list(range(1, n_tokens))


def test_text_that_spells_a_special_token_is_encoded_as_text(tmp_path):
    (ids,) = encode(write_tokenizer(tmp_path), ["w5 <pad>"])
    assert ids[0] == 5 and 1 not in ids


def test_a_folder_without_a_tokenizer_is_named(tmp_path):
    with pytest.raises(TrainError, match=r"no tokenizer\.json to encode documents with"):
        list(encode(tmp_path, ["w5"]))


def test_rows_hold_their_pieces_one_after_another_and_then_padding():
    rows = as_rows([[(1, np.array([4, 5])), (0, np.array([6]))], []], 4)
    assert rows.input_ids.tolist() == [[4, 5, 6, 0], [0, 0, 0, 0]]
    assert (rows.seg_offsets.tolist(), rows.seg_lengths.tolist(), rows.seg_sources.tolist(), rows.n_tokens.tolist()) == ([0, 2, 2], [2, 1], [1, 0], [3, 0])
