"""CONV_2D of packed operands and weights of 4 or 2 bits for RV32IM, around conv_2d_i8_narrow_rv."""

from __future__ import annotations

from tinyml.ops.variants import _packed_rows, conv_2d_i8_narrow_rv

VARIANT = _packed_rows.around(conv_2d_i8_narrow_rv.VARIANT)
