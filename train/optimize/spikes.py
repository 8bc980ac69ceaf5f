"""Detects steps whose loss or gradient norm is far from that of earlier steps, on the device."""

import torch
from torch import Tensor

from train.optimize.recipe import SkipSpikesRecipe

_LEAST = 20


class SpikeGuard:
    """The rule of OLMo-core's SkipStepOptimizer: a step is a spike if its loss or gradient norm is more than `sigmas` standard deviations
    (unbiased) from the mean of the last `window` steps, which include spikes. It applies once half a window and 20 steps were seen, including this one.

    Without settings, only non-finite steps are bad; these never enter the window. Nothing waits for the device.
    """

    def __init__(self, settings: SkipSpikesRecipe | None, device: torch.device) -> None:
        self._settings = settings
        window = settings.window if settings else 0
        self._seen = torch.zeros(2, window, dtype=torch.float64, device=device)  # loss, norm; a ring
        self._count = torch.zeros((), dtype=torch.int64, device=device)

    def state(self) -> dict[str, Tensor]:
        """`spikes.seen` (2, window) and `spikes.count`, the number of steps seen. Empty without settings."""
        return {"spikes.seen": self._seen, "spikes.count": self._count} if self._settings else {}

    def is_bad(self, loss: Tensor, norm: Tensor) -> Tensor:
        """Whether the step with these two scalars must be skipped, a boolean scalar on the device; adds them to the window."""
        now = torch.stack([loss.detach().double(), norm.detach().double()]).to(self._count.device)
        finite = now.isfinite().all()
        if self._settings is None:
            return ~finite
        window = self._settings.window
        slots = torch.arange(window, device=now.device)
        known = slots < self._count
        n_known = known.sum()
        mean = (self._seen * known).sum(1) / n_known.clamp(min=1)
        variance = ((self._seen - mean[:, None]).square() * known).sum(1) / (n_known - 1).clamp(min=1)
        far = ((now - mean).abs() > self._settings.sigmas * variance.sqrt()).any()
        enough = self._count + 1 >= max(_LEAST, window // 2)
        self._seen.copy_(torch.where((slots == self._count % window) & finite, now[:, None], self._seen))
        self._count += finite
        return ~finite | (far & enough)
