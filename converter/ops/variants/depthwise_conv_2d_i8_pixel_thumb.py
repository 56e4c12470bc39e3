"""DEPTHWISE_CONV_2D for Armv6-M and Armv7-M without DSP instructions, pixel by pixel, any window. Layout and arithmetic:
tm/depthwise_conv_2d_pixel.h."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.ops.variants import depthwise_conv_2d_i8_pixel_rv as pixel
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    (call,) = pixel.lower(n, low, portable)
    return (replace(call, func="tm_depthwise_conv_2d_i8_pixel_thumb", header="depthwise_conv_2d_pixel_thumb"),)


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    _, kh, kw, c = w.shape
    _, oh, ow, _ = n.y.shape
    windows = oh * (ow if any(n.attrs.pad) and ow < 8 else min(ow, 3))  # whose taps are listed
    return oh * ow * (-(-c // 4) * (14.5 * kh * kw + 60.0) + 40.0) + windows * 16.0 * kh * kw


VARIANT = Variant("depthwise_conv_2d_i8_pixel_thumb", "DEPTHWISE_CONV_2D", frozenset({"thumb"}), pixel.applies, lower, instructions, code_bytes=1350)
