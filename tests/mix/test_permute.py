import numpy as np
import pytest

from mix.permute import permuted, unpermuted


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 16, 17, 97, 1000, 65_537])
def test_each_key_gives_a_permutation(n):
    for key in (0, 1, (1 << 64) - 1):
        image = permuted(np.arange(n), np.full(n, n), np.full(n, key, np.uint64))
        assert np.array_equal(np.sort(image), np.arange(n))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 16, 17, 97, 1000, 65_537])
def test_the_inverse_finds_the_place_of_every_row(n):
    for key in (0, 1, (1 << 64) - 1):
        keys, n_rows = np.full(n, key, np.uint64), np.full(n, n)
        assert np.array_equal(unpermuted(permuted(np.arange(n), n_rows, keys), n_rows, keys), np.arange(n))
