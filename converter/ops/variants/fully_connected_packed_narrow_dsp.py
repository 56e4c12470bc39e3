"""FULLY_CONNECTED with weights of 4 or 2 bits for Armv7E-M: a group's weights are widened, then fully_connected_i8_pairs_dsp runs."""

from __future__ import annotations

from tinyml.ops.variants import _packed_fully_connected, fully_connected_i8_pairs_dsp

VARIANT = _packed_fully_connected.narrow(fully_connected_i8_pairs_dsp.VARIANT, "dsp")
