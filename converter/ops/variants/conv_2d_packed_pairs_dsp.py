"""CONV_2D of packed operands and int8 weights for Armv7E-M, around conv_2d_i8_pairs_dsp."""

from __future__ import annotations

from tinyml.ops.variants import _packed_rows, conv_2d_i8_pairs_dsp

VARIANT = _packed_rows.around(conv_2d_i8_pairs_dsp.VARIANT)
