"""MEAN: average over some dimensions; keep_dims leaves them in the shape with extent 1.

Numerics, int8: LiteRT folds 1/n into the multiplier (reduce.cc, EvalIntegerMean; reduce.h, QuantizedMeanOrSum): with
(m, s) of input_scale / output_scale and k = min(floor(log2 n), 32, 31 + s),
``y = requant(sum(x) - n * input_zero_point, (m << k) // n, s - k) + output_zero_point``, rounded twice, whether or not
both ends are quantised alike. Floats: the sum divided by n.

The kernel sees the input as [H,W,C] with all outer dimensions in H, so those are averaged together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import numpy as np

from tinyml.ir import DType, NodeView, Tensor, hwc
from tinyml.numerics import INTEGERS, RANGE, quantize_multiplier, requant, same_quant
from tinyml.ops import _packed
from tinyml.ops._sum_rows import accumulator_bytes
from tinyml.opspec import (
    ANY_WIDTH,
    Access,
    Accumulator,
    Case,
    CaseTensor,
    ChannelRules,
    Geom,
    KernelCall,
    Lowering,
    OpSpec,
    Options,
    Ref,
    RowIndex,
    Scratch,
    Value,
    Whole,
    Window,
    require,
    supported,
)  # fmt: skip
from tinyml.variants import cheapest

MAX_COUNT = 1 << 23  # values of |x - zero_point| < 2^8 that an int32 sum holds


@dataclass(frozen=True)
class Attrs:
    axes: tuple[int, ...]  # ascending, without repeats, within the rank
    keep_dims: bool

    def check(self, n: NodeView) -> None:
        rank = len(n.x.shape)
        ok = all(0 <= a < rank for a in self.axes) and list(self.axes) == sorted(set(self.axes))
        require(ok, f"axes {list(self.axes)} of a tensor of rank {rank}")


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    x, axis = inputs[0], inputs[1]
    assert x is not None and axis is not None
    supported(axis.is_const, "axes are not constant")
    require(axis.dtype is DType.INT32 and len(axis.shape) <= 1, f"axes are {axis.dtype.value} of rank {len(axis.shape)}")
    assert axis.data is not None
    rank = len(x.shape)
    # capped before listing: a hostile file may hold millions
    require(axis.elements <= 64, f"{axis.elements} axes")
    given = [int(a) for a in axis.data.reshape(-1)]
    require(all(-rank <= a < rank for a in given), f"axes {given} of a tensor of rank {rank}")
    return Attrs(tuple(sorted({a % rank for a in given})), bool(o.get("KeepDims")))


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    a, x = n.attrs, n.x
    supported(x.dtype in (*INTEGERS, DType.FLOAT32), f"{x.dtype.value} input")
    both = x.dtype is n.y.dtype or {x.dtype, n.y.dtype} <= set(INTEGERS)
    supported(both, f"input {x.dtype.value} with output {n.y.dtype.value}")
    supported(len(a.axes) > 0, "no axes")
    supported(len(x.shape) <= 5, f"rank {len(x.shape)}")
    outer = {k in a.axes for k, d in enumerate(x.shape[:-2]) if d > 1}
    supported(len(outer) < 2, f"axes {a.axes} of shape {x.shape}: dimensions before the last two must all be averaged or none")
    if _packed.is_packed(n):
        kept = x.shape[-1] == 1 or len(x.shape) - 1 not in a.axes
        supported(kept, "average over channels of less than 8 bits")
    supported(count(n) < MAX_COUNT, f"average of {count(n)} values")
    if a.keep_dims:
        return (tuple(1 if k in a.axes else d for k, d in enumerate(x.shape)),)
    return (tuple(d for k, d in enumerate(x.shape) if k not in a.axes),)


def count(n: NodeView) -> int:
    return prod(n.x.shape[k] for k in n.attrs.axes)


def multiplier_of(n: NodeView) -> tuple[int, int]:
    mult, shift = quantize_multiplier(n.x.scale / n.y.scale)
    k = min(count(n).bit_length() - 1, 32, 31 + shift)
    return (mult << k) // count(n), shift - k


def _averaged(n: NodeView, total: np.ndarray) -> np.ndarray:
    """Values of sums whose zero points are taken off."""
    return np.clip(requant(total, *multiplier_of(n)) + n.y.zero_point, *RANGE[n.y.dtype])


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    x, axes = arrays[0], n.attrs.axes
    assert x is not None
    if n.is_float:
        y = x.sum(axis=axes, dtype=np.float32) / np.float32(count(n))
    else:
        y = _averaged(n, x.sum(axis=axes, dtype=np.int64) - count(n) * n.x.zero_point)
    return (np.asarray(y).reshape(n.y.shape).astype(n.y.dtype.numpy),)


def _reduced(n: NodeView) -> tuple[bool, bool, bool]:
    """Whether H, W and C of the folded input are averaged; a dimension of extent 1 counts as kept."""
    shape, axes = n.x.shape, n.attrs.axes
    rank = len(shape)
    hit = [k in axes and d > 1 for k, d in enumerate(shape)]
    return any(hit[: max(rank - 2, 0)]), rank >= 2 and hit[rank - 2], rank >= 1 and hit[rank - 1]


def access(n: NodeView) -> tuple[Access, ...]:
    reduced, extents = _reduced(n), hwc(n.x.shape)
    if not any(reduced):
        return _packed.row_by_row(n, n.x), Whole()
    if not reduced[0] and hwc(n.y.shape) == _kept(reduced, extents):
        # a row of the output is made from the same row of the input
        return Window((1, 1), (1, extents[1] if reduced[1] else 1), (0, 0)), Whole()
    return Whole(), Whole()


def _kept(reduced: tuple[bool, bool, bool], extents: tuple[int, int, int]) -> tuple[int, ...]:
    return tuple(1 if r else d for r, d in zip(reduced, extents, strict=True))


def _output_strides(n: NodeView, low: Lowering) -> tuple[int, int, int]:
    """Elements between neighbours in the output along the input's H, W and C; 0 along averaged dimensions."""
    g: Geom = low.geom(n.y)
    place = [g.row_stride, g.px_stride, 1]
    reduced, extents = _reduced(n), hwc(n.x.shape)
    if hwc(n.y.shape) == _kept(reduced, extents):
        return tuple(0 if r else s for r, s in zip(reduced, place, strict=True))  # type: ignore[return-value]
    # dimensions were dropped: the kept ones moved to the end; those of extent 1 are never stepped along
    kept = [k for k in range(3) if not reduced[k] and extents[k] > 1]
    slots = [k for k, d in enumerate(hwc(n.y.shape)) if d > 1]
    strides = [0, 0, 0]
    for k, slot in zip(kept, slots, strict=True):
        strides[k] = place[slot]
    return strides[0], strides[1], strides[2]


def _packed_call(n: NodeView, low: Lowering) -> KernelCall:
    (reduce_h, reduce_w, _), steps, (mult, shift) = _reduced(n), _output_strides(n, low), multiplier_of(n)
    c = hwc(n.x.shape)[2]
    lo, hi = RANGE[n.y.dtype]
    params = (
        ("in", low.geom(n.x)), ("out_h_stride", steps[0]), ("out_w_stride", steps[1]),
        ("reduce_h", int(reduce_h)), ("reduce_w", int(reduce_w)),
        ("c", c), ("in_bits", n.x.dtype.bits), ("out_bits", n.y.dtype.bits),
        ("offset", -count(n) * n.x.zero_point), ("mult", mult), ("shift", shift), ("out_zero_point", n.y.zero_point),
        ("clamp_lo", lo), ("clamp_hi", hi),
    )  # fmt: skip
    return KernelCall("tm_mean_packed", "mean_packed", "tm_mean_packed_params", params, (Ref(n.x.id), Ref(n.y.id), Scratch()), 5 * c)


def common_params(n: NodeView, low: Lowering) -> tuple[tuple[str, Value], ...]:
    """TM_MEAN_FIELDS (tm/mean.h)."""
    reduced, steps = _reduced(n), _output_strides(n, low)
    return (
        ("in", low.geom(n.x)),
        ("out_h_stride", steps[0]), ("out_w_stride", steps[1]), ("out_c_stride", steps[2]),
        ("reduce_h", int(reduced[0])), ("reduce_w", int(reduced[1])), ("reduce_c", int(reduced[2])),
    )  # fmt: skip


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    if _packed.is_packed(n):
        return cheapest(n, low, (_packed_call(n, low),), 12.0 * n.x.elements + 60.0 * n.y.elements)
    common = common_params(n, low)
    args = (Ref(n.x.id), Ref(n.y.id), None)
    if n.is_float:
        return (KernelCall("tm_mean_f32", "mean", "tm_mean_f32_params", common, args),)
    mult, shift = multiplier_of(n)
    own = (
        ("offset", -count(n) * n.x.zero_point), ("mult", mult), ("shift", shift), ("out_zero_point", n.y.zero_point),
    )  # fmt: skip
    portable = (KernelCall("tm_mean_i8", "mean", "tm_mean_i8_params", (*common, *own), args),)
    return cheapest(n, low, portable, 4.0 * n.x.elements + 50.0 * n.y.elements)


def sums(n: NodeView) -> bool:
    return n.x.dtype is n.y.dtype is DType.INT8 and _reduced(n) in ((True, True, False), (True, False, False)) and hwc(n.y.shape)[:2] == (1, 1)


def channels(n: NodeView) -> ChannelRules | None:
    """Of an int8 average over whole channels."""
    last = len(n.x.shape) - 1
    if n.is_float or _packed.is_packed(n) or last < 0 or last in n.attrs.axes:
        return None

    def bounds(n: NodeView, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ends = (_averaged(n, count(n) * (end - n.x.zero_point)) for end in (lo, hi))
        return next(ends), next(ends)

    return ChannelRules(bounds, lambda n, keep: (n.attrs, {}), per_channel=True)


def lower_sum(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    mult, shift = multiplier_of(n)
    h, _, _ = hwc(n.x.shape)
    params = (
        ("in", low.geom(n.x)), ("rows", h),
        ("offset", -count(n) * n.x.zero_point), ("mult", mult), ("shift", shift), ("out_zero_point", n.y.zero_point),
    )  # fmt: skip
    args = (Ref(n.x.id), Ref(n.y.id), Accumulator(), RowIndex())
    return (KernelCall("tm_mean_i8_rows", "sum_rows", "tm_mean_i8_rows_params", params, args, accumulator_bytes=accumulator_bytes(n.x.shape)),)


def cases() -> Iterable[Case]:
    def case(name, shape, axes, keep=True, ins=(0.04, -11), out=(0.04, -11), f=False):
        hit = {a % len(shape) for a in axes}
        if keep:
            y = tuple(1 if k in hit else d for k, d in enumerate(shape))
        else:
            y = tuple(d for k, d in enumerate(shape) if k not in hit)
        axis = CaseTensor((len(axes),), DType.INT32, data=np.array(axes, np.int32))
        if f:
            ends = CaseTensor(shape, DType.FLOAT32), CaseTensor(y, DType.FLOAT32)
        else:
            ends = CaseTensor(shape, scale=ins[0], zero_point=ins[1]), CaseTensor(y, scale=out[0], zero_point=out[1])
        return Case(name, {"KeepDims": keep}, (ends[0], axis), (ends[1],), tolerance=1e-6 if f else 0.0)

    yield case("hw", (1, 7, 7, 64), (1, 2))
    yield case("hw_dropped", (1, 5, 6, 33), (1, 2), keep=False)
    yield case("hw_negative_axes", (1, 4, 9, 5), (-2, -3), keep=False)
    yield case("hw_rescaled", (1, 14, 14, 12), (1, 2), out=(0.011, 40))
    yield case("hw_coarser", (1, 14, 14, 12), (1, 2), out=(0.3, -128))
    yield case("hw_scale_up_saturates", (1, 3, 3, 40), (2, 1), ins=(0.3, 100), out=(0.002, -100))
    yield case("hw_power_of_two", (1, 8, 4, 24), (1, 2), ins=(0.25, 0), out=(0.125, 3))
    yield case("hw_tiny_scale", (1, 6, 6, 8), (1, 2), ins=(1e-6, 5), out=(100.0, -5))
    yield case("hw_many", (1, 40, 37, 6), (1, 2), ins=(0.02, -128), out=(0.01, -128))
    yield case("h", (1, 6, 5, 7), (1,), out=(0.02, 1))
    yield case("h_dropped", (1, 6, 5, 7), (1,), keep=False)
    yield case("w", (1, 6, 5, 7), (2,), out=(0.02, 1))
    yield case("w_dropped", (1, 6, 5, 7), (2,), keep=False)
    yield case("c", (1, 4, 5, 19), (3,), out=(0.01, -1))
    yield case("c_dropped", (1, 4, 5, 19), (-1,), keep=False)
    yield case("h_and_c", (1, 4, 5, 9), (1, 3))
    yield case("h_and_c_dropped", (1, 4, 5, 9), (1, 3), keep=False, out=(0.01, 0))
    yield case("all", (1, 4, 5, 9), (0, 1, 2, 3), keep=False)
    yield case("batch_averaged_too", (3, 4, 2, 5), (0, 1))
    yield case("repeated_axis", (1, 4, 5, 9), (1, 1, -3))
    yield case("rank_2", (6, 10), (0,), keep=False)
    yield case("rank_3", (4, 6, 10), (1,), keep=False, out=(0.09, 9))
    yield case("of_one_rescaled", (1, 1, 1, 16), (1, 2), out=(0.03, 9))
    yield case("float_hw", (1, 7, 6, 9), (1, 2), f=True)
    yield case("float_c_dropped", (1, 3, 4, 17), (3,), keep=False, f=True)


SPEC = OpSpec(
    name="MEAN",
    options="ReducerOptions",
    arity=(2, 2),
    read=read,
    infer=infer,
    reference=reference,
    access=access,
    lower=lower,
    channels=channels,
    sums=sums,
    lower_sum=lower_sum,
    cases=cases,
    is_noop=lambda n: n.x.shape == n.y.shape and same_quant(n.x, n.y),
    dtypes=ANY_WIDTH,
    summary="average over dimensions",
    c_limits=("constant axes", "dimensions before the last two: all averaged or none"),
)
