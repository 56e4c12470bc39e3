"""Groups of channels that a kernel computes together."""

from __future__ import annotations

import numpy as np


def firsts(channels: int, group: int) -> np.ndarray:
    """First channel of each group. Where channels are left over, the last group ends with the last channel and overlaps the one before it."""
    return np.minimum(np.arange(0, channels, group), channels - group)
