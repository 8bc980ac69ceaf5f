import math

import numpy as np
import pytest
import torch

from train.merge import methods


def vectors(n, size=50, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(5, size // 5, generator=generator) for _ in range(n)]


def test_linear_weights_and_normalises():
    a, b = vectors(2)
    assert torch.allclose(methods.linear([a, b], [1.0, 3.0], normalize=True), 0.25 * a + 0.75 * b)
    assert torch.allclose(methods.linear([a, b], [1.0, 3.0], normalize=False), a + 3 * b)


def test_slerp_gives_its_ends_exactly_and_turns_evenly_between():
    a, b = vectors(2)
    assert methods.slerp(a, b, 0.0).equal(a) and methods.slerp(a, b, 1.0).equal(b)
    unit_x, unit_y = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    third = methods.slerp(unit_x, unit_y, 1 / 3)
    assert third.tolist() == pytest.approx([math.cos(math.pi / 6), math.sin(math.pi / 6)], abs=1e-7)


def test_slerp_is_that_of_the_textbook_on_tensors_as_they_are():
    a, b = (tensor.numpy().astype(np.float64) for tensor in vectors(2))
    angle = np.arccos((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
    expected = (np.sin(0.7 * angle) * a + np.sin(0.3 * angle) * b) / np.sin(angle)
    assert np.allclose(methods.slerp(*vectors(2), 0.3).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("second", [torch.tensor([2.0, 4.0]), torch.tensor([0.0, 0.0]), torch.tensor([-1.0, -2.0])])
def test_slerp_of_parallel_opposite_and_zero_tensors_is_linear(second):
    first = torch.tensor([1.0, 2.0])
    assert methods.slerp(first, second, 0.25).tolist() == pytest.approx((0.75 * first + 0.25 * second).tolist())


def test_task_arithmetic_of_one_model_at_scale_one_is_that_model_and_adds_up():
    base, a, b = vectors(3)
    assert torch.allclose(methods.task_arithmetic(base, [a], [1.0], 1.0), a, atol=1e-6)
    assert torch.allclose(methods.task_arithmetic(base, [a, b], [1.0, 0.5], 0.2), base + 0.2 * ((a - base) + 0.5 * (b - base)), atol=1e-6)


def test_the_residual_moves_a_model_by_what_instruction_tuning_changed():
    base, adapted, instruct = vectors(3)
    assert methods.residual(adapted, base, instruct, 0.0).equal(adapted)
    assert torch.allclose(methods.residual(base, base, instruct, 1.0), instruct, atol=1e-6)
    assert torch.allclose(methods.residual(adapted, base, instruct, 0.5), adapted + 0.5 * (instruct - base), atol=1e-6)


def test_ties_on_four_entries_worked_by_hand():
    base = torch.zeros(4)
    first, second = torch.tensor([3.0, -2.0, 0.5, 1.0]), torch.tensor([1.0, 4.0, -0.1, -5.0])
    # trimmed to two entries each: [3, -2, 0, 0] and [0, 4, 0, -5]; signs of the sums: +, +, 0, -
    # of those signs: 3 alone, 4 alone, none, -5 alone
    assert methods.ties(base, [first, second], [1.0, 1.0], [0.5, 0.5], 1.0).tolist() == [3.0, 4.0, 0.0, -5.0]
    # untrimmed: sums 4, 2, 0.4, -4; means of agreeing entries: (3 + 1) / 2, 4, 0.5, -5
    assert methods.ties(base, [first, second], [1.0, 1.0], [1.0, 1.0], 2.0).tolist() == [4.0, 8.0, 1.0, -10.0]


def test_trimming_keeps_exactly_its_share_and_the_first_of_equal_entries():
    vector = torch.tensor([1.0, -2.0, 1.0, -1.0, 3.0, 1.0, 0.5, 0.0])
    assert methods.trim(vector, 0.5).tolist() == [1.0, -2.0, 1.0, 0.0, 3.0, 0.0, 0.0, 0.0]
    assert int(methods.trim(torch.ones(7, 30), 0.29).count_nonzero()) == 61  # 60.9 rounded; 0.29 * 100 is 28.999999999999996, still 29
    assert int(methods.trim(torch.ones(100), 0.29).count_nonzero()) == 29


def slow_ties(base, models, weights, density, scale):
    """The definition, entry by entry."""
    flat_base = base.flatten().tolist()
    tasks = []
    for model in models:
        task = [m - b for m, b in zip(model.flatten().tolist(), flat_base, strict=True)]
        kept = sorted(range(len(task)), key=lambda i: -abs(task[i]))[: round(density * len(task))]
        tasks.append([value if i in kept else 0.0 for i, value in enumerate(task)])
    merged = []
    for i, value in enumerate(flat_base):
        total = sum(w * task[i] for w, task in zip(weights, tasks, strict=True))
        agreeing = [(w, task[i]) for w, task in zip(weights, tasks, strict=True) if task[i] * total > 0]
        mean = sum(w * x for w, x in agreeing) / sum(w for w, _ in agreeing) if agreeing else 0.0
        merged.append(value + scale * mean)
    return torch.tensor(merged).view_as(base)


def test_ties_is_what_a_slow_reading_of_the_definition_gives():
    base, *models = vectors(4, seed=3)
    found = methods.ties(base, models, [1.0, 0.3, 2.0], [0.4, 0.4, 0.4], 0.7)
    assert torch.allclose(found, slow_ties(base, models, [1.0, 0.3, 2.0], 0.4, 0.7), atol=1e-6)


def test_dare_keeps_the_expectation_and_the_share_it_was_asked_for():
    base, model = torch.zeros(200, 500), torch.full((200, 500), 2.0)
    found = methods.dare(base, [model], [1.0], [0.25], 1.0, [torch.Generator().manual_seed(1)], elect_signs=False, normalize=False)
    assert set(found.unique().tolist()) == {0.0, 8.0}
    assert float((found != 0).float().mean()) == pytest.approx(0.25, abs=0.007)  # 5 standard errors
    assert float(found.mean()) == pytest.approx(2.0, abs=0.055)


def test_dare_with_elected_signs_is_ties_of_the_vectors_that_were_left():
    base, *models = vectors(3, seed=5)
    found = methods.dare(base, models, [1.0, 1.0], [0.5, 0.5], 1.0, [torch.Generator().manual_seed(n) for n in (1, 2)], elect_signs=True, normalize=True)
    left = [base + methods.drop_and_rescale(model - base, 0.5, torch.Generator().manual_seed(n)) for n, model in zip((1, 2), models, strict=True)]
    assert torch.allclose(found, slow_ties(base, left, [1.0, 1.0], 1.0, 1.0), atol=1e-5)


def test_sums_without_normalising_add_what_agrees():
    base, first, second = torch.zeros(3), torch.tensor([3.0, -2.0, 1.0]), torch.tensor([1.0, 4.0, -1.0])
    assert methods.ties(base, [first, second], [1.0, 0.5], [1.0, 1.0], 1.0, normalize=False).tolist() == [3.5, 0.0, 1.0]
    assert methods.task_arithmetic(base, [first, second], [3.0, 1.0], 2.0, normalize=True).tolist() == [5.0, -1.0, 1.0]


def test_della_keeps_large_entries_with_a_higher_probability_and_the_expectation():
    vector = torch.tensor([[0.1, -5.0, 2.0, -3.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0]])
    found = methods.keep_probabilities(vector, 0.5, 0.4)
    assert torch.allclose(found, torch.tensor([[0.3, 0.7, 0.5, 0.6, 0.4], [0.3, 0.4, 0.5, 0.6, 0.7]]))
    draws = torch.stack([methods.drop_and_rescale(vector, 0.5, torch.Generator().manual_seed(seed), 0.4) for seed in range(4_000)])
    assert torch.allclose((draws != 0).float().mean(dim=0), found, atol=0.04)  # 5 standard errors
    assert torch.allclose(draws.mean(dim=0), vector, rtol=0.13)
    assert torch.allclose(draws[draws != 0].unique(), (vector / found).flatten().unique())


def test_della_of_all_entries_is_the_sum_of_task_vectors_or_the_mean_of_those_that_agree():
    base, *models = vectors(3, seed=2)
    rest = {"weights": [1.0, 0.5], "densities": [1.0, 1.0], "scale": 0.8, "generators": [torch.Generator()] * 2, "epsilon": 0.3}
    total = methods.dare(base, models, **rest, elect_signs=False, normalize=False)
    assert torch.allclose(total, methods.task_arithmetic(base, models, [1.0, 0.5], 0.8))
    mean = methods.dare(base, models, **rest, elect_signs=True, normalize=True)
    assert torch.allclose(mean, slow_ties(base, models, [1.0, 0.5], 1.0, 0.8), atol=1e-6)


@pytest.mark.parametrize("shape", [(1,), (3, 1), ()])
def test_della_of_rows_of_one_entry_keeps_them_with_the_density(shape):
    assert methods.keep_probabilities(torch.ones(shape), 0.5, 0.4).eq(0.5).all()


def test_model_stock_on_two_orthogonal_equal_and_slanted_changes():
    base, x, y = torch.tensor([1.0, 1.0]), torch.tensor([2.0, 0.0]), torch.tensor([0.0, 3.0])
    assert methods.model_stock(base, [base + x, base + y]).equal(base)
    assert torch.allclose(methods.model_stock(base, [base + x, base + x, base + x]), base + x)
    # cosine 0.6: t = 2 * 0.6 / (1 + 0.6) = 0.75, and the mean change is (1.3, 0.4)
    found = methods.model_stock(base, [base + torch.tensor([2.0, 0.0]), base + torch.tensor([0.6, 0.8])])
    assert torch.allclose(found, base + 0.75 * torch.tensor([1.3, 0.4]))


def test_model_stock_takes_small_changes_as_they_are_and_keeps_the_base_where_changes_cancel():
    base = torch.zeros(2)
    small = [torch.tensor([2e-7, 0.0]), torch.tensor([0.6e-7, 0.8e-7])]
    assert torch.allclose(methods.model_stock(base, small), torch.tensor([0.75 * 1.3e-7, 0.75 * 0.4e-7]), atol=0)
    assert methods.model_stock(base, [torch.tensor([1.0, 2.0]), torch.tensor([-1.0, -2.0])]).equal(base)
    assert methods.model_stock(base, [torch.tensor([1.0, 2.0]), base]).equal(base)


def test_karcher_of_one_or_equal_models_is_that_model_and_of_two_is_slerp_of_directions():
    a, b, c = vectors(3)
    assert torch.allclose(methods.karcher([a], [2.0]), a) and torch.allclose(methods.karcher([a, a, a], [1.0, 2.0, 3.0]), a)
    length = float(0.25 * a.norm() + 0.75 * b.norm())
    assert torch.allclose(methods.karcher([a, b], [1.0, 3.0]), length * methods.slerp(a / a.norm(), b / b.norm(), 0.75), atol=1e-6)
    mean = methods.karcher([a, b, c], [1.0, 1.0, 1.0]).double()
    mean /= mean.norm()
    pulls = []
    for unit in (a.double() / a.double().norm(), b.double() / b.double().norm(), c.double() / c.double().norm()):
        away = unit - (unit * mean).sum() * mean
        pulls.append(away / away.norm() * torch.arccos((unit * mean).sum()))
    assert torch.stack(pulls).sum(dim=0).norm() < 1e-6  # the angles pull equally to all sides


def test_karcher_of_orthogonal_axes_is_their_diagonal():
    axes = [torch.tensor([2.0, 0.0, 0.0]), torch.tensor([0.0, 2.0, 0.0]), torch.tensor([0.0, 0.0, 2.0])]
    assert torch.allclose(methods.karcher(axes, [1.0, 1.0, 1.0]), torch.full((3,), 2 / math.sqrt(3)))


@pytest.mark.parametrize("second", [torch.tensor([-1.0, -2.0]), torch.tensor([-3.0, -6.0])])
def test_karcher_of_opposite_models_is_linear(second):
    first = torch.tensor([1.0, 2.0])
    assert torch.allclose(methods.karcher([first, second], [1.0, 1.0]), (first + second) / 2)


def test_karcher_of_a_zero_tensor_only_shortens():
    first = torch.tensor([1.0, 2.0])
    assert torch.allclose(methods.karcher([first, torch.zeros(2)], [1.0, 1.0]), first / 2)
    assert methods.karcher([torch.zeros(2), torch.zeros(2)], [1.0, 1.0]).equal(torch.zeros(2))
