import pytest

from eval.score.windows import batches, document_windows


@pytest.mark.parametrize("n_tokens", [0, 1, 2, 7, 8, 9, 30])
@pytest.mark.parametrize("stride", [1, 3, 8])
@pytest.mark.parametrize("bos_again", [False, True])
def test_every_token_but_the_first_is_predicted_once_and_sees_what_the_stride_promises(n_tokens, stride, bos_again):
    context = 8
    predicted = []
    for window in document_windows(5, n_tokens, context, stride, bos_again=bos_again):
        assert window.document == 5 and 0 < window.n_inputs <= context
        assert window.after_bos == (bos_again and window.start > 0)
        for target in range(window.first, window.stop + 1):
            predicted.append(target)
            assert window.after_bos + target - window.start >= min(target, context - stride + 1)
    assert predicted == list(range(1, n_tokens))


def test_batches_hold_each_window_once_and_stay_within_their_tokens():
    windows = [window for number, length in enumerate([3, 50, 9, 20, 2, 31]) for window in document_windows(number, length, 16, 16)]
    found = list(batches(windows, 40))
    assert sorted(window for batch in found for window in batch) == sorted(windows)
    for batch in found:
        longest = max(window.stop - window.start for window in batch)
        assert longest * len(batch) <= 40
    assert [window for batch in batches(windows[::-1], 40) for window in batch] == [window for batch in found for window in batch]


def test_a_window_longer_than_a_batch_goes_alone():
    windows = list(document_windows(0, 40, 20, 20))
    assert [len(batch) for batch in batches(windows, 5)] == [1, 1]
