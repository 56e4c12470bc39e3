"""FULLY_CONNECTED of packed operands and int8 weights for RV32IM, around fully_connected_i8_group_rv."""

from __future__ import annotations

from tinyml.ops.variants import _packed_fully_connected, fully_connected_i8_group_rv

VARIANT = _packed_fully_connected.around(fully_connected_i8_group_rv.VARIANT)
