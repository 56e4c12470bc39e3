"""FULLY_CONNECTED of packed operands and int8 weights for Armv7E-M, around fully_connected_i8_pairs_dsp."""

from __future__ import annotations

from tinyml.ops.variants import _packed_fully_connected, fully_connected_i8_pairs_dsp

VARIANT = _packed_fully_connected.around(fully_connected_i8_pairs_dsp.VARIANT)
