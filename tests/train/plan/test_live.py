import torch

from train.plan.live import LiveBytes


def test_bytes_are_counted_while_tensors_live():
    known = torch.zeros(10)
    with LiveBytes([known]) as live:
        known.add_(1)
        first = torch.ones(100, dtype=torch.float32)
        view = first[:50]
        assert live.now == 400
        second = torch.ones(50, dtype=torch.bfloat16)
        del first, second
        assert (live.now, live.peak) == (400, 500), "a view keeps its storage"
        del view
        assert live.now == 0
        live.restart_peak()
        assert live.peak == 0


def test_what_autograd_keeps_is_alive_until_the_backward_pass():
    weight = torch.ones(8, requires_grad=True, device="meta")
    with LiveBytes([weight]) as live:
        loss = (weight.exp() * 2).sum()
        assert live.now == 32 + 4, "the exponential is needed for its own gradient"
        loss.backward()
        del loss
        assert live.now == 32, "the gradient"
