"""FULLY_CONNECTED: y[r,m] = sum over k of x[r,k] * w[m,k] + b[m], weights [M,K].

Numerics, int8: LiteRT rounds once, ``round(acc * (input_scale * weight_scale[m] / output_scale))`` in double with halves
away from zero (reference_integer_ops::FullyConnected since the kernel requantises in floating point; measured on
ai-edge-litert 2.3.0). TFLite Micro, CMSIS-NN and older TFLite round twice, which differs by 1. The kernel stays with
integers: see _round_once. Float: reference_ops::FullyConnected.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import INT32_MAX, INT32_MIN, RANGE, activation_clamp, check_clamp
from tinyml.ops import _channels, _packed
from tinyml.ops import _constant_channels as cc
from tinyml.ops._round_once import exact_multipliers, round_half_away
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
    Scratch,
    Table,
    Whole,
    Window,
    require,
    supported,
)  # fmt: skip
from tinyml.variants import cheapest

MAX_UNITS = 1 << 16  # bounds what choosing multipliers for a hostile file can cost


@dataclass(frozen=True)
class Attrs:
    keep_num_dims: bool
    clamp: tuple[float, float]  # of the output, in its own domain

    def check(self, n: NodeView) -> None:
        check_clamp(self.clamp, n.y)


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    act = o.get("FusedActivationFunction")
    supported(act in (0, 1, 2, 3), f"fused activation {act}")
    supported(o.get("WeightsFormat") == 0, "shuffled weights format")
    return Attrs(bool(o.get("KeepNumDims")), activation_clamp(act, outputs[0]))


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    x, w = n.x, n.inputs[1]
    assert w is not None
    require(len(w.shape) == 2, f"weights have rank {len(w.shape)}, not 2")
    units, k = w.shape
    supported(units <= MAX_UNITS, f"{units} units, more than {MAX_UNITS}")
    _channels.check_types(x, w, n.input(2), n.y, units, axis=0)
    if n.x.dtype.packed:
        supported(x.shape[-1] == k or x.shape[-1] * x.dtype.bits % 8 == 0, f"rows of {k} values, pixels of {x.shape[-1]}")
    shape = output_shape(n)
    if not n.is_float:
        lo, hi = accumulator_bounds(n)
        supported(bool((lo >= INT32_MIN).all() and (hi <= INT32_MAX).all()), "bias and weights can overflow a 32-bit accumulator")
        supported(exact_tables(n) is not None, "no 32-bit multiplier reproduces LiteRT's rounding at these scales")
    return (shape,)


def output_shape(n: NodeView) -> tuple[int, ...]:
    x, w = n.x, n.inputs[1]
    assert w is not None
    units, k = w.shape
    require(k > 0 and x.elements % k == 0, f"{x.elements} input elements do not divide into rows of {k}")
    if not n.attrs.keep_num_dims:
        return x.elements // k, units
    require(len(x.shape) >= 1 and x.shape[-1] == k, f"last dimension of the input {x.shape} is not {k}")
    return (*x.shape[:-1], units)


def real_multipliers(n: NodeView) -> np.ndarray:
    """float64 [M]: input_scale * weight_scale / output_scale in LiteRT's order of operations."""
    w = n.inputs[1]
    assert w is not None
    scales = np.array(_channels.weight_scales(w, w.shape[0]), np.float64)
    return np.float64(n.x.scale) * scales / np.float64(n.y.scale)


def accumulator_bounds(n: NodeView) -> tuple[np.ndarray, np.ndarray]:
    """int64 [M] each: least and greatest accumulator that any input gives."""
    w = n.inputs[1]
    assert w is not None and w.data is not None
    positive = np.maximum(w.data, 0).sum(1, dtype=np.int64)
    negative = w.data.sum(1, dtype=np.int64) - positive
    bias = _channels.bias_values(n.input(2), w.shape[0], np.int64)
    low, high = (v - n.x.zero_point for v in RANGE[n.x.dtype])
    return bias + low * positive + high * negative, bias + high * positive + low * negative


def exact_tables(n: NodeView) -> tuple[np.ndarray, np.ndarray] | None:
    """(mult int32 [M], shift int8 [M]) for requant_once that give LiteRT's results, None where there are none."""
    levels = np.arange(n.attrs.clamp[0] + 1, n.attrs.clamp[1] + 1, dtype=np.int64) - n.y.zero_point
    real, (lo, hi) = real_multipliers(n), accumulator_bounds(n)
    # one multiplier per distinct scale, right for the sums of all its units, nearly always exists and costs far less
    distinct, group = np.unique(real, return_inverse=True)
    low, high = np.full(len(distinct), INT32_MAX, np.int64), np.full(len(distinct), INT32_MIN, np.int64)
    np.minimum.at(low, group, lo)
    np.maximum.at(high, group, hi)
    shared = exact_multipliers(distinct, levels, low, high)
    return exact_multipliers(real, levels, lo, hi) if shared is None else (shared[0][group], shared[1][group])


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    x, w = arrays[0], n.inputs[1]
    assert x is not None and w is not None and w.data is not None
    units, k = w.shape
    rows = x.reshape(-1, k)
    if n.is_float:
        y = rows @ w.data.T + _channels.bias_values(n.input(2), units, np.float32)
    else:
        # exact in float64: |sum| < 2^17 terms * 2^16
        acc = (rows.astype(np.float64) - n.x.zero_point) @ w.data.T.astype(np.float64)
        acc += _channels.bias_values(n.input(2), units, np.float64)
        y = round_half_away(acc * real_multipliers(n)) + n.y.zero_point
    return (np.clip(y, *n.attrs.clamp).reshape(n.y.shape).astype(n.y.dtype.numpy),)


def access(n: NodeView) -> tuple[Access, ...]:
    w = n.inputs[1]
    assert w is not None
    weights = (Whole(),) * (len(n.inputs) - 1)
    if len(n.x.shape) >= 2 and len(n.x.shape) == len(n.y.shape) and n.x.shape[-1] == w.shape[1]:
        return Window((1, 1), (1, 1), (0, 0)), *weights
    return Whole(), *weights


def macs(n: NodeView) -> int:
    w = n.inputs[1]
    assert w is not None
    return n.y.elements * w.shape[1]


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    w, a = n.inputs[1], n.attrs
    assert w is not None and w.data is not None
    units, k = w.shape
    common = (("rows", n.x.elements // k), ("in_c", k), ("out_c", units))
    if _packed.is_packed(n):
        return cheapest(n, low, (_packed_call(n, common),), 8.0 * macs(n) + 40.0 * n.y.elements)
    weights = Table("weights", w.data)
    if n.is_float:
        bias = Table("bias", _channels.bias_values(n.input(2), units, np.float32))
        own = (("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1]))
        args = (Ref(n.x.id), weights, bias, Ref(n.y.id), None)
        return (KernelCall("tm_fully_connected_f32", "fully_connected", "tm_fully_connected_f32_params", (*common, *own), args),)
    tables = exact_tables(n)
    assert tables is not None  # infer() refuses
    bias = Table("bias", _channels.folded_bias(n.x, n.input(2), w.data.sum(1, dtype=np.int64)))
    params = (
        *common,
        ("out_zero_point", n.y.zero_point),
        ("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1]),
        ("mult", Table("mult", tables[0])), ("shift", Table("shift", tables[1])),
    )  # fmt: skip
    args = (Ref(n.x.id), weights, bias, Ref(n.y.id), None)
    portable = (KernelCall("tm_fully_connected_i8", "fully_connected", "tm_fully_connected_i8_params", params, args),)
    return cheapest(n, low, portable, 6.1 * macs(n) + 40.0 * n.y.elements)


def packed_fields(n: NodeView, common: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    """The leading fields of tm/fully_connected_packed.h's params, from rows, in_c, out_c."""
    lo, hi = _packed.clamp_of(n)
    return (*common, ("in_bits", n.x.dtype.bits), ("out_bits", n.y.dtype.bits), ("clamp_lo", lo), ("clamp_hi", hi))


def packed_scratch(n: NodeView) -> int:
    """Bytes of a widened input row and of an output row, where these are packed."""
    w = n.inputs[1]
    assert w is not None
    units, k = w.shape
    return (_packed.round_up_4(k) if n.x.dtype.packed else 0) + (_packed.round_up_4(units) if n.y.dtype.packed else 0)


def _packed_call(n: NodeView, common: tuple[tuple[str, int], ...]) -> KernelCall:
    w, tables = n.inputs[1], exact_tables(n)
    assert w is not None and w.data is not None and tables is not None
    bias = Table("bias", _channels.folded_bias(n.x, n.input(2), w.data.sum(1, dtype=np.int64)))
    params = (
        *packed_fields(n, common), ("weight_bits", w.dtype.bits), ("out_zero_point", n.y.zero_point),
        ("mult", Table("mult", tables[0])), ("shift", Table("shift", tables[1])),
    )  # fmt: skip
    args = (Ref(n.x.id), _packed.weight_table(w.data, w.dtype), bias, Ref(n.y.id), Scratch())
    name = "tm_fully_connected_packed"
    return KernelCall(name, "fully_connected_packed", f"{name}_params", params, args, max(4, packed_scratch(n)))


def channels(n: NodeView) -> ChannelRules | None:
    """Of an int8 layer whose rows are the input's last dimension; its own outputs stay."""
    w = n.inputs[1]
    if n.is_float or _packed.is_packed(n) or w is None or w.data is None or n.x.shape[-1] != w.shape[1]:
        return None
    sums = w.data.astype(np.int64)

    def bounds(n: NodeView, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        units = len(sums)
        return np.full(units, -128, np.int64), np.full(units, 127, np.int64)

    def foldable(n: NodeView, values: np.ndarray) -> np.ndarray:
        none = np.zeros(len(values), bool)
        return none if cc.folded(n, np.abs(sums), none, np.full(len(values), n.x.zero_point + 255)) is None else ~none

    def without_inputs(n: NodeView, keep: np.ndarray, values: np.ndarray) -> dict[int, Tensor]:
        bias = cc.folded(n, sums, keep, values)
        assert bias is not None
        return {1: cc.taken(w, keep, 1), 2: bias}

    return ChannelRules(bounds, lambda n, keep: (n.attrs, {}), False, foldable, without_inputs)


def cases() -> Iterable[Case]:
    rng = np.random.default_rng(22)

    def case(
        name,
        shape,
        units,
        k=None,
        keep=False,
        act=0,
        per_channel=False,
        bias=True,
        f=False,
        gain=1.0,
        zp=None,
        scales=None,
        out=None,
        values=None,
    ):
        k = shape[-1] if k is None else k
        y_shape = (*shape[:-1], units) if keep else (int(np.prod(shape)) // k, units)
        options = {"FusedActivationFunction": act, "KeepNumDims": keep}
        if f:
            w = CaseTensor((units, k), DType.FLOAT32, data=rng.normal(0, 0.3, (units, k)).astype(np.float32))
            b = CaseTensor((units,), DType.FLOAT32, data=rng.normal(0, 1, units).astype(np.float32)) if bias else None
            return Case(name, options, (CaseTensor(shape, DType.FLOAT32), w, b), (CaseTensor(y_shape, DType.FLOAT32),), tolerance=1e-5)
        x_scale, *w_scales = scales or (0.03, *(float(np.float32(v)) for v in rng.uniform(0.002, 0.02, units if per_channel else 1)))
        out_scale = out or float(np.float32(0.03 * 0.01 * np.sqrt(k) * 80 * gain))
        w = CaseTensor((units, k), scale=tuple(w_scales), data=rng.integers(-127, 128, (units, k)).astype(np.int8))
        values = rng.integers(-3000, 3000, units) if values is None else values
        b = CaseTensor(
            (units,), DType.INT32, scale=tuple(float(np.float32(x_scale) * np.float32(v)) for v in w_scales), data=values.astype(np.int32)
        )
        x = CaseTensor(shape, scale=x_scale, zero_point=int(rng.integers(-128, 128)) if zp is None else zp)
        y = CaseTensor(y_shape, scale=out_scale, zero_point=int(rng.integers(-60, 60)) if out is None else 0)
        return Case(name, options, (x, w, b if bias else None), (y,))

    yield case("one_row", (1, 64), 10)
    yield case("odd", (1, 37), 13, act=1)
    yield case("many_rows", (9, 33), 14)
    yield case("flattened_image", (1, 4, 5, 6), 12, k=120)
    yield case("image_as_rows", (1, 4, 5, 6), 7)
    yield case("keep_num_dims", (1, 3, 4, 10), 6, keep=True)
    yield case("keep_num_dims_rank_3", (2, 5, 8), 9, keep=True, act=3)
    yield case("rank_1_keep", (24,), 5, keep=True)
    yield case("per_channel", (3, 40), 17, per_channel=True)
    yield case("per_channel_relu_n1_to_1", (2, 16), 8, per_channel=True, act=2)
    yield case("no_bias", (2, 20), 8, bias=False)
    yield case("saturating", (4, 32), 16, gain=0.02)
    yield case("coarse_output", (4, 32), 16, gain=60.0)
    yield case("scale_above_one", (4, 8), 16, scales=(0.5, 0.5), out=0.04)
    yield case("zero_point_ends", (4, 16), 8, zp=-128, act=1)
    yield case("every_sum_near_a_tie", (8, 16), 64, scales=(0.25, 0.5), out=0.25 * 0.5 * 512, zp=0)
    yield case("ties_of_odd_scale", (8, 6), 64, scales=(0.5, 0.25), out=0.5 * 0.25 * 96, zp=0)
    # a large bias makes the accumulator need more bits than the nominal multiplier has
    large = np.round((rng.integers(-100, 100, 256) + 0.5) * 0.5625 * (1 << 20) / 0.6015625).astype(np.int64) + rng.integers(-1, 2, 256)
    yield case("bias_at_the_ties", (1, 1), 256, scales=(0.05, 0.06015625), out=0.05 * 0.05625 * (1 << 20), values=large)
    yield case("float", (1, 40), 12, act=1, f=True)
    yield case("float_many_rows_no_bias", (3, 2, 11), 5, bias=False, f=True)
    yield case("float_keep_num_dims", (1, 2, 3, 9), 4, keep=True, f=True)


SPEC = OpSpec(
    name="FULLY_CONNECTED",
    options="FullyConnectedOptions",
    arity=(2, 3),
    read=read,
    infer=infer,
    reference=reference,
    access=access,
    lower=lower,
    cases=cases,
    channels=channels,
    macs=macs,
    optional_inputs=(2,),
    strided=False,
    with_clamp=lambda n, lo, hi: replace(n.attrs, clamp=(max(lo, n.attrs.clamp[0]), min(hi, n.attrs.clamp[1]))),
    dtypes=ANY_WIDTH,
    summary="fully connected layer on one or many rows",
    c_limits=("constant weights", f"at most {MAX_UNITS} units"),
)
