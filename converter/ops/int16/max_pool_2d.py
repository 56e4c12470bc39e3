"""MAX_POOL_2D of int16 values. Numerics: LiteRT reference_integer_ops, as for int8."""

from __future__ import annotations

from tinyml.ops import max_pool_2d
from tinyml.ops.int16._pool import pool_support

SUPPORT = pool_support(max_pool_2d.SPEC)
