"""AVERAGE_POOL_2D for Armv8.1-M with Helium: sums of 16 bits, which hold 255 values. See tm/pool_mve.h."""

from __future__ import annotations

from tinyml.ops.variants import _pool_mve

VARIANT = _pool_mve.variant("average_pool_2d_i8_mve", "AVERAGE_POOL_2D", 8, lambda n: n.attrs.kernel[0] * n.attrs.kernel[1] <= 255, 460)
