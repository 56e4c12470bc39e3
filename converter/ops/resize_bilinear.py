"""RESIZE_BILINEAR: each output pixel is a weighted mean of up to four input pixels. Kernels: tm/resize_bilinear.h.

int8 follows LiteRT's ResizeBilinearInteger: positions and weights are multiples of 1/1024, the sum is rounded once, halves away
from zero. float32 follows ResizeBilinear; positions are computed here, in float32 like LiteRT's, and stored as tables. Values
are never requantised.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.numerics import same_quant
from tinyml.ops import _resize
from tinyml.ops._operands import data_access
from tinyml.opspec import Access, Case, CaseTensor, KernelCall, Lowering, OpSpec, Ref, Table, TiedRange, supported
from tinyml.variants import cheapest


def fixed_scale(n: NodeView, dim: int) -> tuple[int, int]:
    """(scale, offset): output row v lies at (v * scale + offset) / 1024 of the input."""
    a, size, out = n.attrs, n.x.shape[1 + dim], n.attrs.size[dim]
    if a.align_corners and out > 1:
        size, out = size - 1, out - 1
    scale = (1024 * size + out // 2) // out
    return scale, scale // 2 - 512 if a.half_pixel else 0


def positions(n: NodeView, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """(first, weight): each output row (dim 0) or column (dim 1) is first's value * (1 - weight) + the next's * weight.

    first is int16. weight is in [0,1), float32; for int8 it is int16, in 1/1024. A weight above 0 only where there is a next one.
    """
    a, size, out = n.attrs, n.x.shape[1 + dim], n.attrs.size[dim]
    if n.is_float:
        scale = _resize.float_scale(size, out, a.align_corners)
        half = np.float32(0.5 if a.half_pixel else 0.0)
        at = (np.arange(out, dtype=np.float32) + half) * scale - half
        first = np.clip(np.floor(at), 0, size - 1)
        weight = np.where((first < size - 1) & (at > first), at - first, np.float32(0)).astype(np.float32)
    else:
        fixed, offset = fixed_scale(n, dim)
        units = np.arange(out, dtype=np.int64) * fixed + offset
        first = np.clip(units >> 10, 0, size - 1)
        weight = np.where((first < size - 1) & (units > 0), units - (first << 10), 0).astype(np.int16)
    return first.astype(np.int16), weight


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    shapes = _resize.infer(n)
    supported(not (n.attrs.align_corners and n.attrs.half_pixel), "half_pixel_centers with align_corners")
    if not n.is_float:
        for d in (0, 1):
            scale, offset = fixed_scale(n, d)
            # the scale's own rounding can lead past the last row of very large outputs; LiteRT reads beyond the tensor there
            past = (n.attrs.size[d] - 1) * scale + offset >= n.x.shape[1 + d] << 10
            supported(not past, f"from {n.x.shape[1 + d]} to {n.attrs.size[d]}: positions in 1/1024 leave the input")
    return shapes


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    x = arrays[0]
    assert x is not None
    one, wide = (np.float32(1), np.float32) if n.is_float else (np.int64(1024), np.int64)
    (y0, fy), (x0, fx) = positions(n, 0), positions(n, 1)
    y1, x1 = y0 + (fy > 0), x0 + (fx > 0)
    fy, fx = fy.astype(wide)[:, None, None], fx.astype(wide)[:, None]
    x = x[0].astype(wide)
    columns = x[:, x0] * (one - fx) + x[:, x1] * fx
    y = columns[y0] * (one - fy) + columns[y1] * fy  # integers: exact, |y| <= 2^35
    if not n.is_float:
        y = np.sign(y) * ((np.abs(y) + (1 << 19)) >> 20)
    return (y[None].astype(n.y.dtype.numpy),)


def access(n: NodeView) -> tuple[Access, ...]:
    first, weight = positions(n, 0)
    return data_access(n, _resize.row_map(first, first + (weight > 0)))


def is_noop(n: NodeView) -> bool:
    def identity(d: int) -> bool:
        first, weight = positions(n, d)
        return np.array_equal(first, np.arange(n.attrs.size[d])) and not weight.any()

    return n.x.shape == n.y.shape and same_quant(n.x, n.y) and identity(0) and identity(1)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    common = _resize.rectangle_params(n, low)
    args = (Ref(n.x.id), Ref(n.y.id))
    if n.is_float:
        (y0, fy), (x0, fx) = positions(n, 0), positions(n, 1)
        tables = (("rows", y0), ("cols", x0), ("row_weight", fy), ("col_weight", fx))
        params = (*common, *((name, Table(name, data, "table")) for name, data in tables))
        return (KernelCall("tm_resize_bilinear_f32", "resize_bilinear", "tm_resize_bilinear_f32_params", params, args),)
    return cheapest(n, low, portable(n, low), 38.0 * n.y.elements + 60.0 * n.y.elements / n.y.shape[3])


def portable(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    """Of a layer of integers."""
    (scale_y, offset_y), (scale_x, offset_x) = fixed_scale(n, 0), fixed_scale(n, 1)
    params = (
        *_resize.rectangle_params(n, low),
        ("layer_h", n.x.shape[1]), ("layer_w", n.x.shape[2]),
        ("scale_y", scale_y), ("scale_x", scale_x), ("offset_y", offset_y), ("offset_x", offset_x),
    )  # fmt: skip
    return (KernelCall("tm_resize_bilinear_i8", "resize_bilinear", "tm_resize_bilinear_i8_params", params, (Ref(n.x.id), Ref(n.y.id))),)


def cases() -> Iterable[Case]:
    def case(name, shape, size, align=False, half=False, dtype=DType.INT8):
        f = dtype is DType.FLOAT32
        quant = {} if f else {"scale": 0.05, "zero_point": -7}
        operand = CaseTensor((2,), DType.INT32, data=np.array(size, np.int32))
        out = CaseTensor((1, *size, shape[3]), dtype, **quant)
        options = {"AlignCorners": align, "HalfPixelCenters": half}
        return Case(name, options, (CaseTensor(shape, dtype, **quant), operand), (out,), tolerance=1e-6 if f else 0.0)

    for name, shape, size in _resize.SIZES:
        yield case(name, shape, size)
        yield case(f"{name}_half_pixel", shape, size, half=True)
        yield case(f"{name}_align_corners", shape, size, align=True)
    yield case("float", (1, 4, 5, 3), (9, 3), dtype=DType.FLOAT32)
    yield case("float_half_pixel", (1, 5, 6, 2), (10, 4), half=True, dtype=DType.FLOAT32)
    yield case("float_align_corners", (1, 5, 3, 2), (8, 7), align=True, dtype=DType.FLOAT32)


SPEC = OpSpec(
    name="RESIZE_BILINEAR",
    options="ResizeBilinearOptions",
    arity=(2, 2),
    read=_resize.read,
    infer=infer,
    reference=reference,
    access=access,
    lower=lower,
    cases=cases,
    is_noop=is_noop,
    int8_output=TiedRange(),
    summary="bilinear up- and down-sampling",
    c_limits=("batch 1", "constant size", f"at most {_resize.MAX_EXTENT} rows and columns"),
)
