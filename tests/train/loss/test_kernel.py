"""The Triton kernel, run by Triton's interpreter on the CPU; skipped where Triton is not installed."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from train.loss import kernel

ROOT = Path(__file__).parents[3]


def _interpreter_is_older_than_numpy() -> bool:
    if not kernel.installed():
        return False
    import triton

    numbers = [[int(part) for part in version.split(".")[:2]] for version in (triton.__version__, np.__version__)]
    return numbers[0] < [3, 7] and numbers[1] >= [2, 4]


CODE = """
import torch
from tests.train.loss.examples import TRANSFORMS, example
from train.loss import cross_entropy, kernel

kernel._BLOCK = 64
for n_vocab in (50, 64, 130):
    for dtype in (torch.float32, torch.bfloat16):
        for transform in TRANSFORMS:
            for z_loss in (0.0, 0.1):
                for with_gradients in (True, False):
                    hidden, head, targets = example(dtype, n_tokens=7, n_vocab=n_vocab)
                    logits = torch.zeros(7, n_vocab + 14, dtype=dtype)[:, :n_vocab]
                    logits.copy_((hidden @ head.weight.T).detach())
                    expected = cross_entropy.softmax_loss(logits.clone(), targets, transform, z_loss, with_gradients)
                    found = kernel.softmax_loss(logits, targets, transform, z_loss, with_gradients)
                    used = targets >= 0
                    torch.testing.assert_close(found.nats, expected.nats, rtol=1e-5, atol=1e-5)
                    torch.testing.assert_close(found.log_sum[used], expected.log_sum[used], rtol=1e-5, atol=1e-5)
                    if with_gradients:
                        assert found.d_logits.data_ptr() == logits.data_ptr()
                        assert found.d_logits[~used].abs().max() == 0
                        exact = dict(rtol=1e-5, atol=1e-5) if dtype == torch.float32 else dict(rtol=1e-2, atol=1e-5)
                        torch.testing.assert_close(found.d_logits[used], expected.d_logits[used], **exact)
"""


@pytest.mark.skipif(not kernel.installed(), reason="Triton is not installed")
@pytest.mark.skipif(_interpreter_is_older_than_numpy(), reason="this Triton's interpreter counts loops in a way that numpy 2.4 refuses")
def test_the_kernel_gives_what_plain_pytorch_gives():
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
