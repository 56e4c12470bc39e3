"""DEPTHWISE_CONV_2D: y[oy,ox,c] = sum over ky,kx of x[.., c // multiplier] * w[ky,kx,c] + b[c], weights [1,KH,KW,CO].

Numerics: LiteRT reference_integer_ops::DepthwiseConvPerChannel (two roundings) and reference_ops::DepthwiseConv. The
multiplier is CO / CI of the shapes; the file's own field must agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import requant
from tinyml.ops import _channels, _convolution, _packed, _window
from tinyml.ops import _constant_channels as cc
from tinyml.ops._convolution import Attrs
from tinyml.opspec import (
    ANY_WIDTH,
    Access,
    Case,
    CaseTensor,
    ChannelRules,
    KernelCall,
    Lowering,
    OpSpec,
    Options,
    Ref,
    Table,
    Whole,
    require,
)  # fmt: skip
from tinyml.variants import cheapest


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    attrs = _convolution.read(o, inputs, outputs)
    x, w = inputs[0], inputs[1]
    assert x is not None and w is not None
    # 0 where the converter left the field out; LiteRT then takes it from the shapes too
    multiplier = o.get("DepthMultiplier")
    require(
        multiplier in (0, w.shape[3] // max(x.shape[3], 1)), f"depth multiplier {multiplier} with {x.shape[3]} to {w.shape[3]} channels"
    )
    return attrs


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    a, x, w = n.attrs, n.x, n.inputs[1]
    assert w is not None
    _window.require_batch_one(x)
    require(len(w.shape) == 4, f"weights have rank {len(w.shape)}, not 4")
    one, kh, kw, co = w.shape
    require(one == 1, f"first dimension of the weights is {one}, not 1")
    require(x.shape[3] > 0 and co % x.shape[3] == 0, f"{co} output channels are no multiple of {x.shape[3]} input channels")
    _channels.check_types(x, w, n.input(2), n.y, co, axis=3)
    oh = _window.out_extent(x.shape[1], a.pad[0], a.pad[2], kh, a.stride[0], a.dilation[0])
    ow = _window.out_extent(x.shape[2], a.pad[1], a.pad[3], kw, a.stride[1], a.dilation[1])
    return ((1, oh, ow, co),)


def products(n: NodeView, x: np.ndarray) -> np.ndarray:
    """[OH,OW,CO] sums of products: int64, or float32 of a float layer."""
    a, w = n.attrs, n.inputs[1]
    assert w is not None and w.data is not None
    _, kh, kw, co = w.shape
    zp = 0 if n.is_float else n.x.zero_point
    wide = np.float32 if n.is_float else np.int64
    cols = _window.patches(x.astype(wide) - wide(zp), (kh, kw), a.stride, a.dilation, a.pad, 0)
    oh, ow, _, _, ci = cols.shape
    weights = w.data.astype(wide).reshape(kh, kw, ci, co // ci)
    acc = np.zeros((oh, ow, ci, co // ci), wide)
    for ky in range(kh):
        for kx in range(kw):
            acc += cols[:, :, ky, kx, :, None] * weights[ky, kx]
    return acc.reshape(oh, ow, co)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    a, x, w = n.attrs, arrays[0], n.inputs[1]
    assert x is not None and w is not None
    acc, co = products(n, x), w.shape[3]
    if n.is_float:
        y = np.clip(acc + _channels.bias_values(n.input(2), co, np.float32), *a.clamp)
    else:
        mult, shift = _channels.multipliers(n.x, w, n.y, co)
        y = np.clip(requant(acc + _channels.bias_values(n.input(2), co, np.int64), mult, shift) + n.y.zero_point, *a.clamp)
    return (y.reshape(n.y.shape).astype(n.y.dtype.numpy),)


def access(n: NodeView) -> tuple[Access, ...]:
    a, w = n.attrs, n.inputs[1]
    assert w is not None
    return (_window.window_access(w.shape[1:3], a.stride, a.dilation, a.pad), *(Whole(),) * (len(n.inputs) - 1))


def macs(n: NodeView) -> int:
    w = n.inputs[1]
    assert w is not None
    return n.y.elements * w.shape[1] * w.shape[2]


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    a, w = n.attrs, n.inputs[1]
    assert w is not None and w.data is not None
    _, kh, kw, co = w.shape
    common = (
        *_window.window_params(n, low, (kh, kw), a.stride, a.dilation, a.pad),
        ("multiplier", co // n.x.shape[3]),
    )
    if n.is_float:
        return (
            KernelCall(
                "tm_depthwise_conv_2d_f32", "depthwise_conv_2d", "tm_depthwise_conv_2d_f32_params",
                (*common, ("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1])),
                (
                    Ref(n.x.id), Table("weights", w.data),
                    Table("bias", _channels.bias_values(n.input(2), co, np.float32)), Ref(n.y.id), None,
                ),
            ),
        )  # fmt: skip
    sums = w.data.reshape(kh * kw, co).sum(0, dtype=np.int64)
    bias, mult, shift = _channels.channel_tables(n.x, w, n.input(2), n.y, sums)
    portable = (
        KernelCall(
            "tm_depthwise_conv_2d_i8", "depthwise_conv_2d", "tm_depthwise_conv_2d_i8_params",
            (
                *common,
                ("pad_value", n.x.zero_point), ("out_zero_point", n.y.zero_point),
                ("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1]),
                ("mult", mult), ("shift", shift),
            ),
            (Ref(n.x.id), Table("weights", w.data), bias, Ref(n.y.id), None),
        ),
    )  # fmt: skip
    if _packed.is_packed(n):
        portable = (_packed_call(n, low, portable[0]),)
    return cheapest(n, low, portable, 8.5 * macs(n) + 60.0 * n.y.elements)


def _packed_call(n: NodeView, low: Lowering, inner: KernelCall) -> KernelCall:
    """`inner` is the portable int8 call of this very node."""
    w = n.inputs[1]
    assert w is not None and w.data is not None
    window = tuple(p for p in inner.params if p[0] in _window.FIELDS)
    table = _packed.weight_table(w.data.reshape(1, -1), w.dtype)
    inner = replace(inner, args=(inner.args[0], table, *inner.args[2:]))
    return _packed.window_call(
        n, low, window, inner, "tm_depthwise_conv_2d_packed", "depthwise_conv_2d_packed", "tm_depthwise_conv_2d_packed_params",
        extra=(("weight_bits", w.dtype.bits),), extra_scratch=_packed.round_up_4(w.elements) if w.dtype.packed else 0,
    )  # fmt: skip


def channels(n: NodeView) -> ChannelRules | None:
    """Of an int8 layer with multiplier 1."""
    w = n.inputs[1]
    if n.is_float or _packed.is_packed(n) or w is None or w.data is None or w.shape[3] != n.x.shape[3]:
        return None
    taps = w.data.reshape(-1, w.shape[3]).astype(np.int64)

    def bounds(n: NodeView, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if any(n.attrs.pad):
            lo, hi = np.minimum(lo, n.x.zero_point), np.maximum(hi, n.x.zero_point)
        diagonal = np.maximum(taps, 0).sum(0), np.minimum(taps, 0).sum(0)
        ends = cc.accumulators(n, np.diag(diagonal[0]), np.diag(diagonal[1]), lo, hi)
        return _channels.output_bounds(n, w, *ends)

    def without_outputs(n: NodeView, keep: np.ndarray) -> tuple[object, dict[int, Tensor]]:
        axes = {1: 3, 2: 0}
        return n.attrs, {k: cc.taken(t, keep, axes[k]) for k, t in enumerate(n.inputs) if k > 0 and t is not None}

    return ChannelRules(bounds, without_outputs, per_channel=True)


def cases() -> Iterable[Case]:
    rng = np.random.default_rng(21)

    def case(name, h, w, c, m=1, k=(3, 3), s=(1, 1), d=(1, 1), padding=0, act=0, per_channel=True, bias=True, f=False, gain=1.0, zp=None):
        oh, ow = (
            (-(-size // st)) if padding == 0 else -(-(size - (kk - 1) * dd) // st) for size, kk, st, dd in zip((h, w), k, s, d, strict=True)
        )
        co = c * m
        options = {
            "Padding": padding, "StrideH": s[0], "StrideW": s[1], "DilationHFactor": d[0], "DilationWFactor": d[1],
            "DepthMultiplier": m, "FusedActivationFunction": act,
        }  # fmt: skip
        if f:
            weights = CaseTensor((1, *k, co), DType.FLOAT32, data=rng.normal(0, 0.3, (1, *k, co)).astype(np.float32))
            b = CaseTensor((co,), DType.FLOAT32, data=rng.normal(0, 1, co).astype(np.float32)) if bias else None
            ins = (CaseTensor((1, h, w, c), DType.FLOAT32), weights, b)
            return Case(name, options, ins, (CaseTensor((1, oh, ow, co), DType.FLOAT32),), tolerance=1e-5)
        scales = tuple(float(np.float32(v)) for v in rng.uniform(0.002, 0.02, co if per_channel else 1))
        x_scale, out_scale = 0.03, float(np.float32(0.007 * np.sqrt(k[0] * k[1]) * gain))
        weights = CaseTensor(
            (1, *k, co), scale=scales, axis=3 if per_channel else 0, data=rng.integers(-127, 128, (1, *k, co)).astype(np.int8)
        )
        b = CaseTensor(
            (co,), DType.INT32, scale=tuple(x_scale * v for v in scales), zero_point=0,
            data=rng.integers(-3000, 3000, co).astype(np.int32),
        )  # fmt: skip
        x = CaseTensor((1, h, w, c), scale=x_scale, zero_point=int(rng.integers(-128, 128)) if zp is None else zp)
        y = CaseTensor((1, oh, ow, co), scale=out_scale, zero_point=int(rng.integers(-128, 20)))
        return Case(name, options, (x, weights, b) if bias else (x, weights), (y,))

    yield case("3x3_same", 7, 6, 5)
    yield case("3x3_same_relu6", 6, 7, 8, act=3)
    yield case("3x3_stride2_same_even", 8, 8, 4, s=(2, 2), act=1)
    yield case("3x3_stride2_same_odd", 9, 7, 3, s=(2, 2), act=2)
    yield case("3x3_valid", 7, 8, 6, padding=1)
    yield case("5x5", 9, 8, 4, k=(5, 5))
    yield case("7x7_larger_than_input", 4, 5, 3, k=(7, 7))
    yield case("1x4_one_row", 1, 11, 4, k=(1, 4), s=(1, 2))
    yield case("pointwise_scaling", 4, 3, 9, k=(1, 1))
    yield case("multiplier_2", 6, 5, 3, m=2)
    yield case("multiplier_3_stride2", 7, 6, 5, m=3, s=(2, 2), padding=1)
    yield case("one_channel_multiplier_8", 9, 6, 1, m=8, k=(4, 3), s=(2, 2), act=1)
    yield case("dilated", 11, 12, 3, d=(2, 3))
    yield case("dilated_valid_multiplier", 12, 11, 2, m=2, d=(3, 2), padding=1)
    yield case("asymmetric_stride", 9, 11, 4, k=(3, 5), s=(3, 1))
    yield case("per_tensor", 6, 6, 7, per_channel=False)
    yield case("no_bias", 6, 6, 4, bias=False)
    yield case("saturating", 6, 6, 4, gain=0.02)
    yield case("tiny_outputs", 6, 6, 4, gain=300.0)
    yield case("scale_above_one", 5, 5, 4, gain=0.0005, zp=127)
    yield case("zero_point_low", 5, 6, 4, zp=-128, act=1)
    yield case("float_3x3", 7, 6, 5, act=1, f=True)
    yield case("float_multiplier_dilated", 9, 9, 2, m=3, d=(2, 1), f=True)


SPEC = OpSpec(
    name="DEPTHWISE_CONV_2D",
    options="DepthwiseConv2DOptions",
    arity=(2, 3),
    read=read,
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
    summary="2-D depthwise convolution, any multiplier, dilation and stride",
    c_limits=("batch 1", "constant weights"),
)
