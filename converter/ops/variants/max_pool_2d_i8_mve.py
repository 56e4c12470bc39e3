"""MAX_POOL_2D for Armv8.1-M with Helium. See tm/pool_mve.h."""

from __future__ import annotations

from tinyml.ops.variants import _pool_mve

VARIANT = _pool_mve.variant("max_pool_2d_i8_mve", "MAX_POOL_2D", 16, lambda n: True, 330)
