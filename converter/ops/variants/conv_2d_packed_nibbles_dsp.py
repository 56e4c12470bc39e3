"""CONV_2D of packed operands and weights of 4 or 2 bits for Armv7E-M, around conv_2d_i8_nibbles_dsp."""

from __future__ import annotations

from tinyml.ops.variants import _packed_rows, conv_2d_i8_nibbles_dsp

VARIANT = _packed_rows.around(conv_2d_i8_nibbles_dsp.VARIANT)
