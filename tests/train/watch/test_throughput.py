import pytest
import torch

from train.plan.flops import AttentionLayer, ModelFlops
from train.watch.throughput import Throughput, peak_flops


def test_mfu_is_flops_over_time_and_peak_in_both_conventions():
    flops = ModelFlops(per_weight=600, layers=(AttentionLayer(None, 16),) * 2)
    speed = Throughput(flops, 1e6, torch.device("cpu")).figures(1000, 16, torch.tensor([4, 4]).numpy(), 2.0)
    assert speed["tokens_per_second"] == 500.0
    assert speed["mfu"] == pytest.approx(1000 * (600 + 12 * 2 * 8 * 16) / 2.0 / 1e6)
    assert speed["mfu_causal"] == pytest.approx(1000 * (600 + 12 * 2 * 8 * 2.5) / 2.0 / 1e6)


def test_an_unknown_peak_gives_no_figure(monkeypatch, caplog):
    assert "mfu" not in Throughput(ModelFlops(1, (AttentionLayer(None, 2),)), None, torch.device("cpu")).figures(10, 16, torch.tensor([4]).numpy(), 1.0)
    assert peak_flops(torch.device("cpu"), 1, "bf16") is None
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    assert peak_flops(torch.device("cuda"), 1, "bf16") is None and "Tesla T4: its bfloat16 peak is not in the table" in caplog.text
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100 80GB HBM3")
    assert peak_flops(torch.device("cuda"), 4, "bf16") == 4 * 989e12
