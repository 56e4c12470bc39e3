"""TRANSPOSE_CONV: every input pixel adds its value times the kernel to the output, stride pixels apart.

y[oy,ox,co] = b[co] + sum of x[iy,ix,ci] * w[co,ky,kx,ci] over all taps with iy*stride_h + ky - pad_top == oy (columns
likewise). Operands: output shape, weights OHWI, x, optional bias.

Numerics: LiteRT reference_integer_ops::TransposeConv (two roundings) and reference_ops::TransposeConv. The padding is
that of the forward convolution from the output's size. Taps per output pixel differ, so the input zero point cannot be
folded into the bias; the kernel subtracts it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import activation_clamp, check_clamp, requant
from tinyml.ops import _channels, _window
from tinyml.opspec import (
    Access,
    Case,
    CaseTensor,
    KernelCall,
    Lowering,
    OpSpec,
    Options,
    Ref,
    RowMap,
    Table,
    Value,
    Whole,
    require,
    supported,
)  # fmt: skip

MAX_ROWS = 1 << 16  # bounds the list of rows that a hostile file can ask for


@dataclass(frozen=True)
class Attrs:
    stride: tuple[int, int]
    pad: _window.Pad4  # cropped from the full output
    clamp: tuple[float, float]  # of the output, in its own domain

    def check(self, n: NodeView) -> None:
        w = n.inputs[1]
        assert w is not None
        require(len(w.shape) == 4, f"weights have rank {len(w.shape)}, not 4")
        _window.check_steps(*self.stride)
        for k in (0, 1):
            _window.check_pad((self.pad[k], self.pad[k + 2], 0, 0), w.shape[k + 1])
        check_clamp(self.clamp, n.y)


def operands(inputs: tuple[Tensor | None, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Output shape, weights, x, bias."""
    shape, w, x = inputs[:3]
    assert shape is not None and w is not None and x is not None
    return shape, w, x, inputs[3] if len(inputs) > 3 else None


def _output_shape(shape: Tensor) -> tuple[int, int, int, int]:
    supported(shape.is_const, "output shape is not constant")
    require(shape.dtype is DType.INT32 and shape.shape == (4,), f"output shape is {shape.dtype.value} {shape.shape}, not int32 (4,)")
    assert shape.data is not None
    n, h, w, c = (int(d) for d in shape.data)
    require(min(n, h, w, c) > 0, f"output shape {(n, h, w, c)} is not positive")
    return n, h, w, c


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    shape, w, _, _ = operands(inputs)
    require(len(w.shape) == 4, f"weights have rank {len(w.shape)}, not 4")
    stride = (o.get("StrideH"), o.get("StrideW"))
    full = replace(outputs[0], shape=_output_shape(shape))
    pad = _window.read_padding(o, full, w.shape[1:3], stride)
    act = o.get("FusedActivationFunction")
    supported(act in (0, 1, 2, 3), f"fused activation {act}")
    supported(outputs[0].dtype in (DType.INT8, DType.INT16, DType.FLOAT32), f"{outputs[0].dtype.value} output")
    return Attrs(stride, pad, activation_clamp(act, outputs[0]))


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    a, (shape, w, x, bias) = n.attrs, operands(n.inputs)
    _window.require_batch_one(x)
    require(len(w.shape) == 4, f"weights have rank {len(w.shape)}, not 4")
    out = _output_shape(shape)
    require(out[0] == 1, f"output batch {out[0]} with input batch 1")
    require(x.shape[3] == w.shape[3], f"input has {x.shape[3]} channels, weights {w.shape[3]}")
    require(out[3] == w.shape[0], f"output shape has {out[3]} channels, weights {w.shape[0]}")
    for d, size in enumerate(out[1:3]):
        # what the forward convolution makes of the output must be the input
        forward = _window.out_extent(size, a.pad[d], a.pad[d + 2], w.shape[d + 1], a.stride[d])
        supported(forward == x.shape[d + 1], f"output {size} with input {x.shape[d + 1]} along dimension {d + 1}, stride {a.stride[d]}")
    supported(out[1] <= MAX_ROWS, f"{out[1]} output rows, more than {MAX_ROWS}")
    supported(not any(t.dtype.packed for t in (x, w, n.y)), "values of less than 8 bits")
    _channels.check_types(x, w, bias, n.y, w.shape[0], axis=0)
    terms = w.shape[1] * w.shape[2] * w.shape[3]
    # half of what folded zero points allow: a factor has nine bits here
    supported(terms < _channels.MAX_TERMS // 2, f"{terms} products per output, an int32 accumulator holds {_channels.MAX_TERMS // 2 - 1}")
    return (out,)


def accumulators(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> np.ndarray:
    """[OH,OW,CO] sums of products with the bias: int64, or float32 of a float layer."""
    a, (_, w, xt, bias) = n.attrs, operands(n.inputs)
    x = arrays[2]
    assert x is not None and w.data is not None
    (co, kh, kw, _), (_, ih, iw, _), (_, oh, ow, _) = w.shape, x.shape, n.y.shape
    (sh, sw), (top, left, _, _) = a.stride, a.pad
    zp = 0 if n.is_float else xt.zero_point
    # float64 holds integer sums exactly
    wide = np.float32 if n.is_float else np.float64
    pixels, weights = x[0].astype(wide) - wide(zp), w.data.astype(wide)
    acc = np.zeros((oh, ow, co), wide)
    for ky in range(kh):
        for kx in range(kw):
            # input pixels whose tap (ky,kx) lands inside the output
            y0, y1 = _span(ky - top, sh, ih, oh)
            x0, x1 = _span(kx - left, sw, iw, ow)
            if y0 < y1 and x0 < x1:
                rows = slice(y0 * sh + ky - top, (y1 - 1) * sh + ky - top + 1, sh)
                cols = slice(x0 * sw + kx - left, (x1 - 1) * sw + kx - left + 1, sw)
                acc[rows, cols] += pixels[y0:y1, x0:x1] @ weights[:, ky, kx].T
    kept = np.float32 if n.is_float else np.int64
    return acc.astype(kept) + _channels.bias_values(bias, co, kept)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    a, (_, w, xt, _) = n.attrs, operands(n.inputs)
    acc = accumulators(n, arrays)
    if n.is_float:
        y = np.clip(acc, *a.clamp)
    else:
        mult, shift = _channels.multipliers(xt, w, n.y, w.shape[0])
        y = np.clip(requant(acc, mult, shift) + n.y.zero_point, *a.clamp)
    return (y[None].astype(n.y.dtype.numpy),)


def _span(offset: int, stride: int, size: int, limit: int) -> tuple[int, int]:
    """Indices i in [0, size) with 0 <= i * stride + offset < limit, as first and one past last."""
    first = max(0, -(offset // stride))
    return first, max(first, min(size, -(-(limit - offset) // stride)))


def access(n: NodeView) -> tuple[Access, ...]:
    a, (_, w, x, _) = n.attrs, operands(n.inputs)
    size, kh, top, s = x.shape[1], w.shape[1], a.pad[0], a.stride[0]
    rows = []
    for oy in range(n.y.shape[1]):
        last = min((oy + top) // s + 1, size)
        first = min(max(-((kh - 1 - oy - top) // s), 0), last)
        rows.append((first, last))
    return Whole(), Whole(), RowMap(tuple(rows)), *(() if len(n.inputs) < 4 else (Whole(),))


def macs(n: NodeView) -> int:
    """Products of input pixels and taps, those that fall outside the output included."""
    _, w, x, _ = operands(n.inputs)
    return x.elements * w.shape[0] * w.shape[1] * w.shape[2]


def window_params(n: NodeView, low: Lowering) -> tuple[tuple[str, Value], ...]:
    """The fields of window.h for the whole layer."""
    a, (_, w, x, _) = n.attrs, operands(n.inputs)
    return (
        ("in", low.geom(x)), ("out", low.geom(n.y)),
        ("kernel_h", w.shape[1]), ("kernel_w", w.shape[2]), ("stride_h", a.stride[0]), ("stride_w", a.stride[1]),
        ("dilation_h", 1), ("dilation_w", 1), ("pad_top", a.pad[0]), ("pad_left", a.pad[1]),
    )  # fmt: skip


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    a, (_, w, x, b) = n.attrs, operands(n.inputs)
    assert w.data is not None
    co, common = w.shape[0], window_params(n, low)
    clamp = (("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1]))
    bias = Table("bias", _channels.bias_values(b, co, np.float32 if n.is_float else np.int32))
    args = (Ref(x.id), Table("weights", w.data), bias, Ref(n.y.id), None)
    if n.is_float:
        return (KernelCall("tm_transpose_conv_f32", "transpose_conv", "tm_transpose_conv_f32_params", (*common, *clamp), args),)
    mult, shift = _channels.multipliers(x, w, n.y, co)
    own = (
        ("in_zero_point", x.zero_point), ("out_zero_point", n.y.zero_point), *clamp,
        ("mult", Table("mult", mult)), ("shift", Table("shift", shift)),
    )  # fmt: skip
    return (KernelCall("tm_transpose_conv_i8", "transpose_conv", "tm_transpose_conv_i8_params", (*common, *own), args),)


def cases() -> Iterable[Case]:
    rng = np.random.default_rng(23)

    def case(name, h, w, ci, co, k=(3, 3), s=(2, 2), padding=0, act=0, per_channel=True, bias=True, f=False, out=None, gain=1.0, zp=None):
        oh, ow = out or (size * st if padding == 0 else (size - 1) * st + kk for size, kk, st in zip((h, w), k, s, strict=True))
        options = {"Padding": padding, "StrideH": s[0], "StrideW": s[1], "FusedActivationFunction": act}
        shape = CaseTensor((4,), DType.INT32, data=np.array([1, oh, ow, co], np.int32))
        if f:
            weights = CaseTensor((co, *k, ci), DType.FLOAT32, data=rng.normal(0, 0.3, (co, *k, ci)).astype(np.float32))
            b = CaseTensor((co,), DType.FLOAT32, data=rng.normal(0, 1, co).astype(np.float32))
            x, y = CaseTensor((1, h, w, ci), DType.FLOAT32), CaseTensor((1, oh, ow, co), DType.FLOAT32)
            return Case(name, options, (shape, weights, x, b) if bias else (shape, weights, x), (y,), tolerance=1e-5)
        scales = tuple(float(np.float32(v)) for v in rng.uniform(0.002, 0.02, co if per_channel else 1))
        weights = CaseTensor((co, *k, ci), scale=scales, data=rng.integers(-127, 128, (co, *k, ci)).astype(np.int8))
        b = CaseTensor(
            (co,), DType.INT32, scale=tuple(0.03 * v for v in scales), zero_point=0,
            data=rng.integers(-3000, 3000, co).astype(np.int32),
        )  # fmt: skip
        x = CaseTensor((1, h, w, ci), scale=0.03, zero_point=int(rng.integers(-128, 128)) if zp is None else zp)
        y = CaseTensor((1, oh, ow, co), scale=float(np.float32(0.05 * gain * np.sqrt(ci))), zero_point=int(rng.integers(-128, 20)))
        return Case(name, options, (shape, weights, x, b) if bias else (shape, weights, x), (y,))

    yield case("3x3_stride2_same", 4, 5, 3, 4)
    yield case("3x3_stride2_valid", 4, 5, 3, 4, padding=1)
    yield case("2x2_stride2", 3, 4, 5, 3, k=(2, 2), act=1)
    yield case("4x4_stride2_same", 4, 3, 4, 2, k=(4, 4))
    yield case("stride_beyond_kernel", 4, 3, 4, 3, k=(2, 1), s=(3, 2))
    yield case("stride_beyond_kernel_valid", 3, 4, 2, 3, k=(1, 2), s=(2, 3), padding=1)
    yield case("stride1", 5, 6, 3, 4, s=(1, 1))
    yield case("stride1_valid_5x3", 5, 6, 3, 4, k=(5, 3), s=(1, 1), padding=1)
    yield case("asymmetric", 4, 5, 2, 6, k=(5, 2), s=(3, 1))
    yield case("odd_output_same", 4, 4, 3, 4, out=(7, 7))
    yield case("valid_output_one_larger", 3, 4, 3, 2, padding=1, out=(8, 10))
    yield case("no_bias", 4, 4, 3, 5, bias=False)
    yield case("per_tensor", 4, 4, 3, 5, per_channel=False)
    yield case("saturating", 3, 3, 4, 4, gain=0.02)
    yield case("zero_point_low", 3, 3, 4, 4, zp=-128)
    yield case("one_pixel", 1, 1, 6, 3, k=(4, 4), padding=1)
    yield case("float_same", 4, 5, 3, 4, act=1, f=True)
    yield case("float_valid_no_bias", 3, 4, 2, 3, k=(4, 3), padding=1, bias=False, f=True)


SPEC = OpSpec(
    name="TRANSPOSE_CONV",
    options="TransposeConvOptions",
    arity=(3, 4),
    read=read,
    infer=infer,
    reference=reference,
    access=access,
    lower=lower,
    cases=cases,
    macs=macs,
    optional_inputs=(3,),
    with_clamp=lambda n, lo, hi: replace(n.attrs, clamp=(max(lo, n.attrs.clamp[0]), min(hi, n.attrs.clamp[1]))),
    summary="2-D transposed convolution, any kernel and stride",
    c_limits=("batch 1", "constant weights and output shape"),
)
