"""DEPTHWISE_CONV_2D of packed operands for RV32IM, around depthwise_conv_2d_i8_pixel_rv, whose table holds weights of any
width as it holds int8."""

from __future__ import annotations

from tinyml.ops.variants import _packed_rows, depthwise_conv_2d_i8_pixel_rv

VARIANT = _packed_rows.around(depthwise_conv_2d_i8_pixel_rv.VARIANT)
