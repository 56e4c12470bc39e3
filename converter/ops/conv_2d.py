"""CONV_2D: y[oy,ox,co] = sum over ky,kx,ci of x[..] * w[co,ky,kx,ci] + b[co], weights OHWI.

Numerics: LiteRT reference_integer_ops::ConvPerChannel (two roundings) and reference_ops::Conv. Grouped convolution
(weights' I smaller than the input's channels) as LiteRT defines it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import requant
from tinyml.ops import _channels, _convolution, _packed, _window
from tinyml.ops import _constant_channels as cc
from tinyml.opspec import (
    ANY_WIDTH,
    Access,
    Case,
    CaseTensor,
    ChannelRules,
    KernelCall,
    Lowering,
    OpSpec,
    Ref,
    Scratch,
    Table,
    Whole,
    require,
    supported,
)  # fmt: skip
from tinyml.variants import cheapest


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    a, x, w = n.attrs, n.x, n.inputs[1]
    assert w is not None
    _window.require_batch_one(x)
    require(len(w.shape) == 4, f"weights have rank {len(w.shape)}, not 4")
    co, kh, kw, ci = w.shape
    require(x.shape[3] % ci == 0, f"input has {x.shape[3]} channels, weights {ci}")
    require(co % (x.shape[3] // ci) == 0, f"{co} output channels do not divide into {x.shape[3] // ci} groups")
    _channels.check_types(x, w, n.input(2), n.y, co, axis=0)
    supported(not _packed.is_packed(n) or ci == x.shape[3], "a grouped convolution of values of less than 8 bits")
    oh = _window.out_extent(x.shape[1], a.pad[0], a.pad[2], kh, a.stride[0], a.dilation[0])
    ow = _window.out_extent(x.shape[2], a.pad[1], a.pad[3], kw, a.stride[1], a.dilation[1])
    return ((1, oh, ow, co),)


def accumulators(n: NodeView, x: np.ndarray) -> np.ndarray:
    """[OH*OW,CO] sums of products with the bias: int64, or float32 of a float layer."""
    a, w = n.attrs, n.inputs[1]
    assert w is not None and w.data is not None
    co, kh, kw, ci = w.shape
    groups = x.shape[3] // ci
    wide = np.float32 if n.is_float else np.int64
    zp = 0 if n.is_float else n.x.zero_point
    cols = _window.patches(x, (kh, kw), a.stride, a.dilation, a.pad, zp).astype(wide) - wide(zp)
    oh, ow = cols.shape[:2]
    cols = cols.reshape(oh * ow, kh * kw, groups, ci)
    weights = w.data.astype(wide).reshape(groups, co // groups, kh * kw, ci)
    if not n.is_float and kh * kw * ci < 1 << 22:
        # exact in float64 (|sum| < 2^53), and far faster than numpy's integer matmul
        acc = np.einsum("pkgi,goki->pgo", cols.astype(np.float64), weights.astype(np.float64), optimize=True).astype(np.int64)
    else:
        acc = np.einsum("pkgi,goki->pgo", cols, weights, optimize=True)
    return acc.reshape(oh * ow, co) + _channels.bias_values(n.input(2), co, wide)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    x, w = arrays[0], n.inputs[1]
    assert x is not None and w is not None
    acc = accumulators(n, x)
    if n.is_float:
        y = np.clip(acc, *n.attrs.clamp)
    else:
        mult, shift = _channels.multipliers(n.x, w, n.y, w.shape[0])
        y = np.clip(requant(acc, mult, shift) + n.y.zero_point, *n.attrs.clamp)
    return (y.reshape(n.y.shape).astype(n.y.dtype.numpy),)


def access(n: NodeView) -> tuple[Access, ...]:
    a, w = n.attrs, n.inputs[1]
    assert w is not None
    return (_window.window_access(w.shape[1:3], a.stride, a.dilation, a.pad), *(Whole(),) * (len(n.inputs) - 1))


def macs(n: NodeView) -> int:
    w = n.inputs[1]
    assert w is not None
    return n.y.elements * w.shape[1] * w.shape[2] * w.shape[3]


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    a, w = n.attrs, n.inputs[1]
    assert w is not None and w.data is not None
    co, kh, kw, ci = w.shape
    if _packed.is_packed(n):
        return cheapest(n, low, _lower_packed(n, low), 9.0 * macs(n) + 100.0 * n.y.elements)
    common = (*_window.window_params(n, low, (kh, kw), a.stride, a.dilation, a.pad), ("groups", n.x.shape[3] // ci))
    if n.is_float:
        params = (*common, ("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1]))
        b = Table("bias", _channels.bias_values(n.input(2), co, np.float32))
        args = (Ref(n.x.id), Table("weights", w.data), b, Ref(n.y.id), None)
        return (KernelCall("tm_conv_2d_f32", "conv_2d", "tm_conv_2d_f32_params", params, args),)
    bias, mult, shift = _channels.channel_tables(n.x, w, n.input(2), n.y, w.data.reshape(co, -1).sum(1, dtype=np.int64))
    portable = (
        KernelCall(
            "tm_conv_2d_i8", "conv_2d", "tm_conv_2d_i8_params",
            (
                *common,
                ("pad_value", n.x.zero_point), ("out_zero_point", n.y.zero_point),
                ("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1]),
                ("mult", mult), ("shift", shift),
            ),
            (Ref(n.x.id), Table("weights", w.data), bias, Ref(n.y.id), None),
        ),
    )  # fmt: skip
    # a 3x3 layer of 16 channels takes 6.1 instructions per MAC, with 64 channels 5.7
    return cheapest(n, low, portable, 5.7 * macs(n) + 100.0 * n.y.elements)


def _lower_packed(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    a, w = n.attrs, n.inputs[1]
    assert w is not None and w.data is not None
    co, kh, kw, ci = w.shape
    rows = w.data.reshape(co, -1)
    bias, mult, shift = _channels.channel_tables(n.x, w, n.input(2), n.y, rows.sum(1, dtype=np.int64))
    window = _window.window_params(n, low, (kh, kw), a.stride, a.dilation, a.pad)
    params = (
        *window, ("weight_bits", w.dtype.bits),
        ("pad_value", n.x.zero_point), ("out_zero_point", n.y.zero_point),
        ("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1]), ("mult", mult), ("shift", shift),
    )  # fmt: skip
    args = (Ref(n.x.id), _packed.weight_table(rows, w.dtype), bias, Ref(n.y.id), Scratch())
    inner = KernelCall("tm_conv_2d_i8_wn", "conv_2d_wn", "tm_conv_2d_i8_wn_params", params, args, kh * kw * ci)
    if not _packed.activations_packed(n):
        return (inner,)
    return (_packed.window_call(n, low, window, inner, "tm_conv_2d_packed", "conv_2d_packed", "tm_conv_2d_packed_params"),)


def channels(n: NodeView) -> ChannelRules | None:
    """Of an int8 layer with one group."""
    w = n.inputs[1]
    if n.is_float or _packed.is_packed(n) or w is None or w.data is None or w.shape[3] != n.x.shape[3]:
        return None
    taps = w.data.reshape(w.shape[0], -1, w.shape[3]).astype(np.int64)
    padded = any(n.attrs.pad)

    def bounds(n: NodeView, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if padded:
            lo, hi = np.minimum(lo, n.x.zero_point), np.maximum(hi, n.x.zero_point)
        ends = cc.accumulators(n, np.maximum(taps, 0).sum(1), np.minimum(taps, 0).sum(1), lo, hi)
        return _channels.output_bounds(n, w, *ends)

    def foldable(n: NodeView, values: np.ndarray) -> np.ndarray:
        alone = np.ones(len(values), bool)
        if cc.folded(n, np.abs(taps).sum(1), ~alone, np.full(len(values), n.x.zero_point + 255)) is None:
            return ~alone
        return values == n.x.zero_point if padded else alone

    def without_inputs(n: NodeView, keep: np.ndarray, values: np.ndarray) -> dict[int, Tensor]:
        bias = cc.folded(n, taps.sum(1), keep, values)
        assert bias is not None
        return {1: cc.taken(w, keep, 3), 2: bias}

    def without_outputs(n: NodeView, keep: np.ndarray) -> tuple[object, dict[int, Tensor]]:
        return n.attrs, {k: cc.taken(t, keep, 0) for k, t in enumerate(n.inputs) if k > 0 and t is not None}

    return ChannelRules(bounds, without_outputs, False, foldable, without_inputs)


def cases() -> Iterable[Case]:
    rng = np.random.default_rng(20)

    def case(name, h, w, ci, co, k=(3, 3), s=(1, 1), d=(1, 1), padding=0, act=0, per_channel=True, groups=1, bias=True, f=False):
        oh, ow = (
            (-(-size // st)) if padding == 0 else -(-(size - (kk - 1) * dd) // st) for size, kk, st, dd in zip((h, w), k, s, d, strict=True)
        )
        wi = ci // groups
        scales = tuple(float(np.float32(v)) for v in rng.uniform(0.002, 0.02, co if per_channel else 1))
        out_scale = float(np.float32(0.004 * np.sqrt(k[0] * k[1] * wi) * 0.03 * 60))
        options = {
            "Padding": padding, "StrideH": s[0], "StrideW": s[1], "DilationHFactor": d[0], "DilationWFactor": d[1],
            "FusedActivationFunction": act,
        }  # fmt: skip
        if f:
            weights = CaseTensor((co, *k, wi), DType.FLOAT32, data=rng.normal(0, 0.3, (co, *k, wi)).astype(np.float32))
            b = CaseTensor((co,), DType.FLOAT32, data=rng.normal(0, 1, co).astype(np.float32)) if bias else None
            ins = (CaseTensor((1, h, w, ci), DType.FLOAT32), weights, b)
            return Case(name, options, ins, (CaseTensor((1, oh, ow, co), DType.FLOAT32),), tolerance=1e-5)
        x_scale = 0.03
        weights = CaseTensor((co, *k, wi), scale=scales, data=rng.integers(-127, 128, (co, *k, wi)).astype(np.int8))
        b = CaseTensor(
            (co,), DType.INT32, scale=tuple(x_scale * v for v in scales), zero_point=0,
            data=rng.integers(-4000, 4000, co).astype(np.int32),
        )  # fmt: skip
        x = CaseTensor((1, h, w, ci), scale=x_scale, zero_point=int(rng.integers(-128, 128)))
        y = CaseTensor((1, oh, ow, co), scale=out_scale, zero_point=int(rng.integers(-128, 20)))
        return Case(name, options, (x, weights, b) if bias else (x, weights), (y,))

    yield case("3x3_same", 7, 6, 3, 5)
    yield case("3x3_same_relu", 7, 6, 4, 8, act=1)
    yield case("3x3_valid_stride2_relu6", 9, 8, 4, 6, s=(2, 2), padding=1, act=3)
    yield case("3x3_same_stride2_odd", 10, 7, 2, 4, s=(2, 2), act=2)
    yield case("5x3_asymmetric_stride", 11, 9, 3, 4, k=(5, 3), s=(3, 1))
    yield case("dilated", 12, 11, 2, 3, d=(2, 3))
    yield case("pointwise", 5, 7, 16, 12, k=(1, 1), act=1)
    yield case("pointwise_odd_channels", 3, 5, 7, 9, k=(1, 1))
    yield case("pointwise_stride2", 6, 5, 8, 4, k=(1, 1), s=(2, 2))
    yield case("pointwise_many", 4, 3, 36, 11, k=(1, 1))
    yield case("per_tensor", 6, 6, 4, 4, per_channel=False)
    yield case("grouped", 6, 5, 6, 4, groups=2)
    yield case("kernel_larger_than_input", 2, 3, 3, 4, k=(5, 5))
    yield case("one_row", 1, 9, 4, 3, k=(1, 4), s=(1, 2))
    yield case("float_3x3", 7, 6, 3, 5, act=1, f=True)
    yield case("float_stride2_dilated", 9, 9, 2, 3, s=(1, 1), d=(2, 2), padding=1, f=True)
    yield case("float_grouped", 6, 6, 4, 6, groups=2, f=True)


SPEC = OpSpec(
    name="CONV_2D",
    options="Conv2DOptions",
    arity=(2, 3),
    read=_convolution.read,
    infer=infer,
    reference=reference,
    access=access,
    lower=lower,
    windowed=True,
    cases=cases,
    channels=channels,
    macs=macs,
    optional_inputs=(2,),
    with_clamp=_convolution.with_clamp,
    with_padding=_convolution.with_padding,
    dtypes=ANY_WIDTH,
    summary="2-D convolution, grouped, dilated, any stride",
    c_limits=("batch 1", "constant weights"),
)
