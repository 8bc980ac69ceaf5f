import pytest
import torch
import torch.nn.functional as F

from tests.train.loss.examples import TRANSFORMS, assert_same_gradients, example, leaves, slow_logits, slow_nats
from train.loss.cross_entropy import linear_cross_entropy, token_weights
from train.loss.distill import Distillation, SoftLabels
from train.loss.head import IGNORED, Head, chunked_loss


def distilled(student, teacher, settings, chunk_tokens=8):
    hidden, head, targets = student
    loss = SoftLabels(teacher[0].detach(), teacher[1], targets, head.transform, settings)
    return chunked_loss(hidden, head, loss, token_weights(targets), chunk_tokens)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("temperature, weight, z_loss", [(1.0, 0.5, 0.0), (2.5, 0.3, 0.0), (1.0, 1.0, 0.0), (0.5, 0.9, 0.2)])
def test_loss_and_gradients_equal_the_plain_formula(transform, temperature, weight, z_loss):
    student = hidden, head, targets = example(transform=transform, bias=True)
    teacher = example(size=24, seed=9, bias=True, transform=TRANSFORMS[3])
    used = targets != IGNORED
    logits = slow_logits(hidden, head)[used]
    soft = (slow_logits(*teacher[:2])[used] / temperature).softmax(-1).detach()
    divergence = F.kl_div((logits / temperature).log_softmax(-1), soft, reduction="sum")
    nats = slow_nats(hidden, head, targets)
    expected = (1 - weight) * nats.sum() + weight * temperature**2 * divergence + z_loss * logits.logsumexp(-1).square().sum()
    found = distilled(student, teacher, Distillation(None, temperature, weight, z_loss))
    torch.testing.assert_close(found.total, expected, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(found.parts["kl"], divergence.detach(), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(found.nats, nats.detach(), rtol=1e-5, atol=1e-5)
    assert_same_gradients(found.total, expected, leaves(hidden, head), rtol=1e-4, atol=1e-4)


def test_without_weight_it_is_the_plain_loss():
    student = example()
    found, plain = distilled(student, example(seed=9), Distillation(None, 2.0, 0.0)), linear_cross_entropy(*student)
    torch.testing.assert_close(found.total, plain.total)
    assert_same_gradients(found.total, plain.total, leaves(*student[:2]))


def test_a_student_equal_to_its_teacher_has_nothing_to_learn_from_it():
    student = example()
    found = distilled(student, student, Distillation(None, 2.0, 1.0))
    assert found.total.item() == pytest.approx(0, abs=1e-4)
    assert max(float(gradient.abs().max()) for gradient in torch.autograd.grad(found.total, leaves(*student[:2]))) < 1e-4


def test_rows_that_pad_the_teachers_vocabulary_are_left_out():
    student, teacher = example(), example(seed=9)
    hidden, head, _ = teacher
    padded = hidden, Head(torch.cat([head.weight, torch.full((14, 16), 7.0)]))
    settings = Distillation(None, 1.0, 0.5)
    assert distilled(student, padded, settings).total.item() == pytest.approx(distilled(student, teacher, settings).total.item())
