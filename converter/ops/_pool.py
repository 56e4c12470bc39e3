"""What the pooling operators share: attributes, shapes, the sliding window, their lowering's common fields and cases.

Padding never takes part: a window is clipped to the input. No rescaling: where a file quantises the output otherwise
than the input, LiteRT takes the raw values over as they are, and so do we.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import INTEGERS, activation_clamp, check_clamp
from tinyml.ops import _packed, _window
from tinyml.opspec import Access, Case, CaseTensor, ChannelRules, KernelCall, Lowering, Options, Ref, supported
from tinyml.variants import cheapest


@dataclass(frozen=True)
class Attrs:
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: _window.Pad4
    clamp: tuple[float, float]  # of the output, in its own domain

    def check(self, n: NodeView) -> None:
        _window.check_steps(*self.kernel, *self.stride)
        for k in (0, 1):  # every window meets the input
            _window.check_pad((self.pad[k], self.pad[k + 2], 0, 0), self.kernel[k])
        check_clamp(self.clamp, n.y)


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    x = inputs[0]
    assert x is not None
    kernel, stride = (o.get("FilterHeight"), o.get("FilterWidth")), (o.get("StrideH"), o.get("StrideW"))
    pad = _window.read_padding(o, x, kernel, stride)
    act = o.get("FusedActivationFunction")
    supported(act in (0, 1, 2, 3), f"fused activation {act}")
    return Attrs(kernel, stride, pad, activation_clamp(act, outputs[0]))


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    a, x = n.attrs, n.x
    _window.require_batch_one(x)
    supported(x.dtype in (*INTEGERS, DType.FLOAT32), f"{x.dtype.value} input")
    supported(x.dtype is n.y.dtype, f"input {x.dtype.value} with output {n.y.dtype.value}")
    # what an int32 sum of int8 values holds
    supported(a.kernel[0] * a.kernel[1] < 1 << 24, f"window of {a.kernel[0]} x {a.kernel[1]} pixels")
    oh = _window.out_extent(x.shape[1], a.pad[0], a.pad[2], a.kernel[0], a.stride[0])
    ow = _window.out_extent(x.shape[2], a.pad[1], a.pad[3], a.kernel[1], a.stride[1])
    return ((1, oh, ow, x.shape[3]),)


def taps(n: NodeView, x: np.ndarray, fill: float) -> Iterable[np.ndarray]:
    """[OH,OW,C] of each window position in turn, `fill` outside the input."""
    a = n.attrs
    cols = _window.patches(x, a.kernel, a.stride, (1, 1), a.pad, fill)
    for ky in range(a.kernel[0]):
        for kx in range(a.kernel[1]):
            yield cols[:, :, ky, kx]


def access(n: NodeView) -> tuple[Access, ...]:
    return (_window.window_access(n.attrs.kernel, n.attrs.stride, (1, 1), n.attrs.pad),)


def with_clamp(n: NodeView, lo: float, hi: float) -> Attrs:
    return replace(n.attrs, clamp=(max(lo, n.attrs.clamp[0]), min(hi, n.attrs.clamp[1])))


def lower(n: NodeView, low: Lowering, header: str) -> tuple[KernelCall, ...]:
    a = n.attrs
    func = f"tm_{header}_{'f32' if n.is_float else 'i8'}"
    params = (
        *_window.window_params(n, low, a.kernel, a.stride, (1, 1), a.pad),
        ("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1]),
    )  # fmt: skip
    portable = (KernelCall(func, header, f"{func}_params", params, (Ref(n.x.id), Ref(n.y.id), None)),)
    if _packed.is_packed(n):
        window = tuple(p for p in params if p[0] in _window.FIELDS)
        name = f"{header}_packed"
        portable = (_packed.window_call(n, low, window, portable[0], f"tm_{name}", name, f"tm_{name}_params"),)
    return portable if n.is_float else cheapest(n, low, portable, (8.0 * a.kernel[0] * a.kernel[1] + 40.0) * n.y.elements)


def channels(n: NodeView) -> ChannelRules:
    """A window's average or maximum lies between its channel's least and greatest value; padding takes no part."""

    def bounds(n: NodeView, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.clip(lo, *n.attrs.clamp), np.clip(hi, *n.attrs.clamp)

    return ChannelRules(bounds, lambda n, keep: (n.attrs, {}), per_channel=True)


def cases() -> Iterable[Case]:
    def case(
        name: str, h: int, w: int, c: int, k: tuple[int, int], s: tuple[int, int] = (1, 1), padding: int = 0, act: int = 0,
        zp: int = -7, f: bool = False, out_quant: tuple[float, int] | None = None,
    ) -> Case:  # fmt: skip
        oh, ow = (-(-size // st) if padding == 0 else -(-(size - kk + 1) // st) for size, kk, st in zip((h, w), k, s, strict=True))
        options: dict[str, Any] = {
            "Padding": padding, "StrideH": s[0], "StrideW": s[1], "FilterHeight": k[0], "FilterWidth": k[1],
            "FusedActivationFunction": act,
        }  # fmt: skip
        if f:
            ends = CaseTensor((1, h, w, c), DType.FLOAT32), CaseTensor((1, oh, ow, c), DType.FLOAT32)
        else:
            scale, zero_point = out_quant or (0.05, zp)
            x = CaseTensor((1, h, w, c), scale=0.05, zero_point=zp)
            ends = x, CaseTensor((1, oh, ow, c), scale=scale, zero_point=zero_point)
        return Case(name, options, (ends[0],), (ends[1],), tolerance=1e-6 if f else 0.0)

    yield case("2x2_stride2", 6, 8, 5, (2, 2), (2, 2), 1)
    yield case("2x2_stride2_odd_same", 7, 5, 4, (2, 2), (2, 2))
    yield case("3x3_same", 6, 5, 3, (3, 3))
    yield case("3x3_stride2_same", 9, 8, 8, (3, 3), (2, 2))
    yield case("even_count_halves", 8, 8, 7, (2, 4), (2, 2), zp=0)
    yield case("global", 8, 8, 16, (8, 8), (8, 8), 1, zp=-128)
    yield case("global_odd", 25, 5, 6, (25, 5), (25, 5), 1)
    yield case("larger_than_input", 2, 3, 5, (5, 5))
    yield case("asymmetric", 9, 10, 3, (4, 1), (1, 3))
    yield case("one_row", 1, 12, 4, (1, 3), (1, 2))
    yield case("stride_beyond_window", 9, 9, 3, (2, 2), (3, 4), 1)
    yield case("1x1", 3, 4, 5, (1, 1))
    yield case("relu", 6, 6, 4, (3, 3), act=1, zp=10)
    yield case("relu6", 6, 6, 4, (2, 2), act=3, zp=-100)
    yield case("relu_n1_to_1", 6, 6, 4, (2, 2), act=2, zp=127)
    yield case("output_quantised_otherwise", 4, 4, 5, (2, 2), act=1, out_quant=(0.07, 20))
    yield case("float_same", 7, 6, 5, (3, 3), (2, 2), f=True)
    yield case("float_relu_valid", 7, 6, 5, (3, 2), padding=1, act=1, f=True)
