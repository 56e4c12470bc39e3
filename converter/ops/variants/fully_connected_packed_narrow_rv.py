"""FULLY_CONNECTED with weights of 4 or 2 bits for RV32IM: a group's weights are widened, then fully_connected_i8_group_rv runs."""

from __future__ import annotations

from tinyml.ops.variants import _packed_fully_connected, fully_connected_i8_group_rv

VARIANT = _packed_fully_connected.narrow(fully_connected_i8_group_rv.VARIANT, "rv")
