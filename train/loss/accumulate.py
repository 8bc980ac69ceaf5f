"""Adding a matrix product to a float32 sum."""

from functools import cache

import torch
from torch import Tensor


def add_product(total: Tensor, left: Tensor, right: Tensor, product: Tensor | None) -> None:
    """Add `left @ right`, (n, k) times (k, m) of one dtype, to `total` (n, m) float32 in place.

    `product` (n, m), in the dtype of the factors, is overwritten; None: the matrix product itself adds to `total`, which needs float32 factors or
    `adds_in_float32`. Then no product is rounded to the dtype of its factors, and the sum is read and written once.
    """
    if product is not None:
        total += torch.mm(left, right, out=product)
    elif left.dtype == total.dtype:
        total.addmm_(left, right)
    elif not total.is_meta:  # meta tensors hold no sum, and torch 2.11 cannot trace this product
        torch.addmm(total, left, right, out_dtype=total.dtype, out=total)


@cache
def adds_in_float32(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether the device's matrix product of two factors of `dtype` can add to a float32 tensor: cuBLAS can, CPUs cannot."""
    if device.type != "cuda":
        return False
    factor, total = torch.ones(16, 16, device=device, dtype=dtype), torch.ones(16, 16, device=device)
    try:
        torch.addmm(total, factor, factor, out_dtype=torch.float32, out=total)
    except (RuntimeError, TypeError):
        return False
    return bool((total == 17).all())
