import pytest

from train.plan.gpus import gpu_by_name, gpu_of_device, known_gpus


@pytest.mark.parametrize(
    "device, name",
    [
        ("NVIDIA H100 80GB HBM3", "h100"), ("NVIDIA H100 PCIe", "h100-pcie"), ("NVIDIA H100 NVL", "h100-nvl"), ("NVIDIA H200", "h200"),
        ("NVIDIA A100-SXM4-80GB", "a100"), ("NVIDIA A100-SXM4-40GB", "a100-40gb"), ("NVIDIA L40S", "l40s"), ("NVIDIA L4", "l4"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"), ("NVIDIA RTX A6000", "a6000"), ("Tesla T4", None),
    ],
)  # fmt: skip
def test_a_device_name_finds_its_gpu_or_none(device, name):
    found = gpu_of_device(device)
    assert (found.name if found else None) == name


def test_every_gpu_of_the_table_is_found_by_its_name_and_has_a_source():
    assert all(gpu_by_name(gpu.name) == gpu and gpu.source for gpu in known_gpus())
