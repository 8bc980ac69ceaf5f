import pytest
import torch

from train.optimize.rounding import Blocks8, Exact, Kahan, Noise, Stochastic, dynamic_map, slices, stochastic_bfloat16

ALL = slice(None)


def noise(seed=0, step=1, rank=0):
    made = Noise(torch.device("cpu"), seed, rank)
    made.begin(step)
    return made


def test_stochastic_rounding_gives_a_neighbour_and_the_value_on_average():
    values = torch.cat([torch.randn(200, generator=torch.Generator().manual_seed(0)) * 10.0**power for power in (-6, -1, 3)])
    many = values.repeat(4000, 1)
    rounded = stochastic_bfloat16(many, noise().bits(many)).double()
    gap = 2.0 ** (values.double().abs().log2().floor() - 7)  # between bfloat16 numbers of this size
    assert ((rounded - values.double()).abs() < gap).all()
    error = (rounded.mean(0) - values.double()) / gap
    assert error.abs().max() < 5 * 0.5 / 4000**0.5  # five standard errors of a coin


def test_what_is_bfloat16_already_is_never_changed():
    values = torch.randn(1000).bfloat16().float()
    assert stochastic_bfloat16(values, noise().bits(values)).float().equal(values)


def test_noise_depends_on_seed_step_and_rank_and_on_nothing_else():
    like = torch.zeros(64)
    first = noise().bits(like)
    torch.manual_seed(5)
    assert noise().bits(like).equal(first)
    for other in (noise(seed=1), noise(step=2), noise(rank=1)):
        assert not other.bits(like).equal(first)


def test_many_small_changes_add_up_as_in_float64():
    """Changes of a thousandth of a bfloat16's distance to the next, which plain bfloat16 loses altogether."""
    n_steps, change = 800, 2.0**-17
    start = torch.full((4096,), 1.0)
    exact = start.double() + n_steps * change
    plain, kahan, stochastic = start.bfloat16(), Kahan(start.bfloat16(), noise()), Stochastic(start.bfloat16(), noise())
    for _ in range(n_steps):
        plain = (plain.float() + change).bfloat16()
        for store in (kahan, stochastic):
            store.write(ALL, store.read(ALL) + change)
    assert plain.float().equal(start)
    assert (kahan.read(ALL).double() - exact).abs().max() < 2.0**-10
    assert abs(float(kahan.read(ALL).double().mean() - exact.mean())) < 5 * 2.0**-12 / 4096**0.5
    assert abs(float(stochastic.read(ALL).double().mean() - exact.mean())) < 5 * 2.0**-7 / 4096**0.5


def test_kahan_keeps_sixteen_bits_of_a_value():
    values = torch.randn(10000)
    store = Kahan(torch.zeros(10000, dtype=torch.bfloat16), noise())
    store.write(ALL, values)
    assert ((store.read(ALL) - values) / values).abs().max() < 2.0**-15


@pytest.mark.parametrize("signed", [True, False])
def test_the_dynamic_map_is_that_of_bitsandbytes(signed):
    functional = pytest.importorskip("bitsandbytes.functional")
    torch.testing.assert_close(dynamic_map(signed), torch.as_tensor(functional.create_dynamic_map(signed)).float(), rtol=1e-6, atol=0)


def nearest(values, signed):
    """Blocks of 256 within rows, each value replaced by the nearest of the map times the block's largest."""
    numbers, out = dynamic_map(signed), torch.empty_like(values)
    for row in range(values.shape[0]):
        for first in range(0, values.shape[1], 256):
            block = values[row, first : first + 256]
            largest = block.abs().max()
            candidates = numbers if signed else numbers[1:]
            out[row, first : first + 256] = candidates[(block[:, None] / largest - candidates).abs().argmin(1)] * largest
    return out


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("columns", [40, 256, 600])
def test_blocks_keep_the_nearest_number_of_the_map(signed, columns):
    values = torch.randn(3, columns, generator=torch.Generator().manual_seed(1))
    values = values if signed else values.square()
    store = Blocks8(values, signed=signed)
    store.write(ALL, values)
    torch.testing.assert_close(store.read(ALL), nearest(values, signed), rtol=1e-6, atol=0)


def test_second_moments_never_become_zero_beside_large_ones():
    store = Blocks8(torch.zeros(1, 256), signed=False)
    store.write(ALL, torch.cat([torch.tensor([1.0]), torch.full((255,), 1e-12)])[None])
    assert (store.read(ALL) > 0).all()


def test_blocks_begin_as_zeros_and_keep_rows_of_zeros():
    store = Blocks8(torch.zeros(2, 300), signed=True)
    assert store.read(ALL).equal(torch.zeros(2, 300))
    store.write(ALL, torch.cat([torch.zeros(1, 300), torch.ones(1, 300)]))
    assert store.read(ALL).equal(torch.cat([torch.zeros(1, 300), torch.ones(1, 300)]))


@pytest.mark.parametrize(
    "make", [lambda t: Exact(t.clone()), lambda t: Kahan(t.bfloat16(), noise()), lambda t: Stochastic(t.bfloat16(), noise()), lambda t: Blocks8(t, signed=True)]
)
def test_a_write_that_is_skipped_changes_nothing(make):
    values = torch.randn(4, 300)
    store = make(values)
    store.write(ALL, values)
    before = {name: tensor.clone() for name, tensor in store.tensors.items()}
    store.write(slice(1, 3), torch.full((2, 300), float("nan")), torch.tensor(True))
    assert all(tensor.equal(before[name]) for name, tensor in store.tensors.items())
    store.write(slice(1, 3), torch.ones(2, 300), torch.tensor(False))
    assert store.read(slice(1, 3)).equal(torch.ones(2, 300))
    assert store.read(slice(3, 4)).equal(type(store).read(store, slice(3, 4)))


def test_slices_cover_all_rows_once(monkeypatch):
    monkeypatch.setattr("train.optimize.rounding._SLICE", 10)
    tensor = torch.zeros(7, 3)
    assert [list(range(7))[rows] for rows in slices(tensor)] == [[0, 1, 2], [3, 4, 5], [6]]
