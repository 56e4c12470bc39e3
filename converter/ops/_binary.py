"""What ADD, SUB and MUL share: broadcasting, the clamp, geometries, and the table for a constant scalar operand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from tinyml.ir import DType, NodeView, Tensor, hwc
from tinyml.numerics import INTEGERS, activation_clamp, check_clamp
from tinyml.ops import _elementwise as ew
from tinyml.ops import _packed
from tinyml.opspec import (
    ANY_WIDTH,
    Access,
    Broadcast,
    Case,
    CaseTensor,
    Geom,
    KernelCall,
    Lowering,
    OpSpec,
    Options,
    Ref,
    Reshaped,
    Value,
    ViewRule,
    Whole,
    require,
    supported,
)  # fmt: skip
from tinyml.variants import cheapest

# (node, a, b) -> unclamped result in the output's domain; a and b are int64 or float32 and broadcast as numpy does
Compute = Callable[[NodeView, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Attrs:
    clamp: tuple[float, float]  # of the output, in its own domain

    def check(self, n: NodeView) -> None:
        check_clamp(self.clamp, n.y)


def operands(n: NodeView) -> tuple[Tensor, Tensor]:
    a, b = n.inputs[0], n.inputs[1]
    assert a is not None and b is not None
    return a, b


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    y = outputs[0]
    act = o.get("FusedActivationFunction")
    supported(act in (0, 1, 2, 3), f"fused activation {act}")
    if y.dtype is not DType.FLOAT32:
        ew.require_quant(y)
    return Attrs(activation_clamp(act, y))


def _infer_packed(n: NodeView) -> tuple[int, ...]:
    a, b = operands(n)
    for t in (a, b, n.y):
        supported(t.dtype in INTEGERS, f"{t.dtype.value} together with values of less than 8 bits")
        supported(not t.is_const, "a constant operand together with values of less than 8 bits")
    supported(a.shape == b.shape, f"values of less than 8 bits of the shapes {list(a.shape)} and {list(b.shape)}")
    return a.shape


def infer(n: NodeView, check_scales: Callable[[NodeView], object], packs: bool = False) -> tuple[tuple[int, ...], ...]:
    """packs: the operator has a kernel for values of 4 and 2 bits."""
    a, b = operands(n)
    if packs and _packed.is_packed(n):
        shape = _infer_packed(n)
        ew.require_quant(a, b, n.y)
        check_scales(n)
        return (shape,)
    supported(a.dtype == b.dtype == n.y.dtype, f"inputs {a.dtype.value}, {b.dtype.value} with output {n.y.dtype.value}")
    supported(a.dtype in (DType.INT8, DType.FLOAT32), f"{a.dtype.value} activations")
    rank = max(len(a.shape), len(b.shape))
    sa, sb = (1,) * (rank - len(a.shape)) + a.shape, (1,) * (rank - len(b.shape)) + b.shape
    for p, q in zip(sa, sb, strict=True):
        require(p == q or 1 in (p, q), f"shapes {list(a.shape)} and {list(b.shape)} do not broadcast")
    out = tuple(q if p == 1 else p for p, q in zip(sa, sb, strict=True))
    for s in (sa, sb):
        # rows are all dimensions but the last two, folded: one stride must describe them
        supported(s[:-2] == out[:-2] or all(d == 1 for d in s[:-2]), "broadcast along some of the outer dimensions only")
    if a.dtype is DType.INT8:
        ew.require_quant(a, b, n.y)
        check_scales(n)
    return (out,)


def access(n: NodeView) -> tuple[Access, ...]:
    """An operand as large as the output may die under it."""

    def one(t: Tensor) -> Access:
        if t.is_const:
            return Whole()
        return _packed.row_by_row(n, t) if hwc(t.shape) == hwc(n.y.shape) else Broadcast()

    a, b = operands(n)
    return one(a), one(b)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...], compute: Compute) -> tuple[np.ndarray, ...]:
    a, b = arrays[0], arrays[1]
    assert a is not None and b is not None
    scalar = scalar_operand(n)
    if scalar is not None:
        x = arrays[1 - scalar]
        assert x is not None
        return (ew.apply_table(table(n, scalar, compute), x).reshape(n.y.shape),)
    wide = np.float32 if n.is_float else np.int64
    out = np.clip(compute(n, a.astype(wide), b.astype(wide)), *n.attrs.clamp)
    return (out.astype(n.y.dtype.numpy),)


def scalar_operand(n: NodeView) -> int | None:
    """Which int8 operand is one constant, so that the operator is a function of the other one alone; else None."""
    for k, t in enumerate(operands(n)):
        if not n.is_float and t.is_const and t.elements == 1:
            return k
    return None


def table(n: NodeView, scalar: int, compute: Compute) -> np.ndarray:
    """Results for all int8 values of the operand that is not `scalar`, ascending."""
    constant = operands(n)[scalar].data
    assert constant is not None
    c = constant.astype(np.int64).reshape(1)
    out = compute(n, c, ew.ALL_INT8) if scalar == 0 else compute(n, ew.ALL_INT8, c)
    return np.clip(out, *n.attrs.clamp).astype(np.int8)


def view(n: NodeView, compute: Compute) -> ViewRule | None:
    """A constant scalar may leave every byte as it is, under another scale: no code then."""
    x = operands(n)[0]
    if scalar_operand(n) != 1 or x.is_const or x.dtype is not DType.INT8 or x.shape != n.y.shape:
        return None
    return Reshaped() if (table(n, 1, compute) == ew.ALL_INT8).all() else None


def broadcast_geom(t: Tensor, g: Geom, out: tuple[int, int, int]) -> Geom:
    """t's geometry with the output's extent: strides 0 along repeated rows and pixels. One channel stays one channel."""
    h, w, c = hwc(t.shape)
    return Geom(out[0], out[1], c, g.row_stride if h == out[0] else 0, g.px_stride if w == out[1] else 0)


def lower(
    n: NodeView, low: Lowering, kernel: str, header: str, fields: tuple[tuple[str, Value], ...], compute: Compute, swap: bool = False
) -> tuple[KernelCall, ...]:
    """`kernel`(a, b), or with `swap` `kernel`(b, a); a table where one operand is a constant int8 scalar."""
    scalar = scalar_operand(n)
    a, b = operands(n)
    if scalar is not None:
        return ew.lut_call(b if scalar == 0 else a, n.y, table(n, scalar, compute), low)
    if swap:
        a, b = b, a
    (pa, ga), (pb, gb) = ew.operand(a, low), ew.operand(b, low)
    out = hwc(n.y.shape)
    lo, hi = n.attrs.clamp
    portable = (
        KernelCall(
            kernel, header, f"{kernel}_params",
            (
                ("a", broadcast_geom(a, ga, out)), ("b", broadcast_geom(b, gb, out)), ("out", low.geom(n.y)),
                *fields, ("clamp_lo", lo), ("clamp_hi", hi),
            ),
            (pa, pb, Ref(n.y.id), None),
        ),
    )  # fmt: skip
    return portable if n.is_float else cheapest(n, low, portable, 45.0 * n.y.elements)


def cases(scales: Callable[[float, float], float]) -> Iterable[Case]:
    """`scales` gives a sensible output scale for two input scales."""
    rng = np.random.default_rng(7)

    def case(name, sa, sb, so, act=0, s=(0.05, 0.03), z=(3, -20, 10), out=None, const=None, f=False, out_scale=None, value=None):
        def tensor(k: int, shape: tuple[int, ...]) -> CaseTensor:
            data = None
            if f:
                if const == k:
                    data = rng.normal(0, 2, shape).astype(np.float32)
                return CaseTensor(shape, DType.FLOAT32, data=data, low=-4, high=4)
            if const == k:
                data = rng.integers(-128, 128, shape).astype(np.int8) if value is None else np.full(shape, value, np.int8)
            return CaseTensor(shape, scale=s[k], zero_point=z[k], data=data)

        y = CaseTensor(so, DType.FLOAT32) if f else CaseTensor(so, scale=out_scale or scales(*s), zero_point=z[2])
        return Case(name, {"FusedActivationFunction": act}, (tensor(0, sa), tensor(1, sb)), (y,), tolerance=1e-6 if f else 0.0)

    full = (1, 5, 7, 3)
    yield case("same_shape", full, full, full)
    yield case("relu", full, full, full, act=1, z=(-128, 127, -100))
    yield case("relu6", (1, 6, 6, 8), (1, 6, 6, 8), (1, 6, 6, 8), act=3, z=(0, 0, -128))
    yield case("relu_n1_to_1", full, full, full, act=2, z=(127, -128, 0))
    yield case("very_different_scales", full, full, full, s=(2.0, 0.0007), z=(-5, 60, 0))
    yield case("second_scale_larger", full, full, full, s=(0.011, 0.3), z=(40, -6, 0))
    yield case("equal_scales", full, full, full, s=(0.04, 0.04), z=(-1, -2, 3))
    yield case("first_operand_vanishes", full, full, full, s=(1e-12, 1.5), z=(-5, 60, 0))
    yield case("saturating", full, full, full, s=(1.0, 1.0), out_scale=0.01)
    yield case("large_output_scale", full, full, full, s=(0.001, 0.002), out_scale=3.0)
    yield case("channels_second", (1, 4, 5, 8), (1, 1, 1, 8), (1, 4, 5, 8))
    yield case("channels_first", (1, 1, 1, 8), (1, 4, 5, 8), (1, 4, 5, 8))
    yield case("channel_vector_constant", (1, 4, 5, 8), (8,), (1, 4, 5, 8), const=1)
    yield case("constant_first", (8,), (1, 4, 5, 8), (1, 4, 5, 8), const=0)
    yield case("full_constant", full, full, full, const=1)
    yield case("pixel_mask", (1, 4, 5, 8), (1, 4, 5, 1), (1, 4, 5, 8))
    yield case("pixel_mask_one_column", (1, 6, 1, 8), (1, 6, 1, 1), (1, 6, 1, 8))
    yield case("rows", (1, 4, 1, 3), (1, 4, 5, 3), (1, 4, 5, 3))
    yield case("columns", (1, 4, 5, 3), (1, 1, 5, 3), (1, 4, 5, 3))
    yield case("outer_product", (1, 4, 1, 3), (1, 1, 5, 1), (1, 4, 5, 3))
    yield case("one_channel_row", (1, 4, 5, 1), (1, 4, 1, 1), (1, 4, 5, 1))
    yield case("scalar_constant_second", full, (), full, const=1)
    yield case("scalar_constant_first", (1,), full, full, const=0, z=(-7, 11, 5))
    for name, value in (("scalar_nothing", 0), ("scalar_one", 100)):  # what ADD or MUL leaves as it is
        yield case(name, full, (), full, s=(0.06, 0.01), z=(-128, 0, -128), const=1, out_scale=0.06, value=value)
    yield case("scalar_variable", full, (1,), full)
    yield case("vectors", (300,), (300,), (300,))
    yield case("ranks_2_and_1", (9, 17), (17,), (9, 17))
    yield case("batch", (2, 3, 4, 5), (2, 3, 4, 5), (2, 3, 4, 5))
    yield case("float", full, full, full, f=True)
    yield case("float_channels_relu6", (1, 4, 5, 8), (1, 1, 1, 8), (1, 4, 5, 8), act=3, f=True)
    yield case("float_scalar_constant", (1, 1), full, full, const=0, f=True)
    yield case("float_outer_product", (1, 4, 1, 3), (1, 1, 5, 1), (1, 4, 5, 3), act=1, f=True)


def binary_spec(
    name: str, options: str, summary: str, compute: Compute, check_scales: Callable[[NodeView], object],
    lower_op: Callable[[NodeView, Lowering], tuple[KernelCall, ...]], scales: Callable[[float, float], float],
    packs: bool = False,
) -> OpSpec:  # fmt: skip
    return OpSpec(
        name=name,
        options=options,
        arity=(2, 2),
        read=read,
        infer=lambda n: infer(n, check_scales, packs),
        reference=lambda n, arrays: reference(n, arrays, compute),
        access=access,
        view=lambda n: view(n, compute),
        lower=lower_op,
        cases=lambda: cases(scales),
        with_clamp=lambda n, lo, hi: replace(n.attrs, clamp=(max(lo, n.attrs.clamp[0]), min(hi, n.attrs.clamp[1]))),
        dtypes=ANY_WIDTH if packs else ("int8", "float32"),
        summary=summary,
        c_limits=("broadcast over rows, columns, channels; outer dimensions all or none",),
    )
