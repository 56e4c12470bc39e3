"""CONV_2D of packed operands and int8 weights for RV32IM, around conv_2d_i8_swar_rv."""

from __future__ import annotations

from tinyml.ops.variants import _packed_rows, conv_2d_i8_swar_rv

VARIANT = _packed_rows.around(conv_2d_i8_swar_rv.VARIANT)
