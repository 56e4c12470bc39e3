"""Operators on values of 4 and 2 bits: the int8 node that computes the same, and calls of the kernels that widen rows for it.

A packed node's `twin` has int8 tensors with the same values, scales and zero points. Where the output is packed, the twin's
is clamped to int8 alone: the kernel clamps to the narrower range when it packs, and clamping twice is clamping once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir import DType, NodeView, Tensor, hwc
from tinyml.numerics import RANGE
from tinyml.opspec import Access, Elementwise, Geom, KernelCall, Lowering, Scratch, Table, Value, Window
from tinyml.packing import pack

NO_GEOM = Geom(0, 0, 0, 0, 0)  # the kernel puts its own there


def is_packed(n: NodeView) -> bool:
    return any(t is not None and t.dtype.packed for t in (*n.inputs, *n.outputs))


def activations_packed(n: NodeView) -> bool:
    return any(t is not None and t.dtype.packed and not t.is_const for t in (*n.inputs, *n.outputs))


def _wide(t: Tensor) -> Tensor:
    return replace(t, dtype=DType.INT8) if t.dtype.packed else t


def twin(n: NodeView) -> NodeView:
    attrs = n.attrs
    if n.y.dtype.packed and hasattr(attrs, "clamp"):
        attrs = replace(attrs, clamp=RANGE[DType.INT8])
    inputs = tuple(None if t is None else _wide(t) for t in n.inputs)
    return NodeView(replace(n.node, attrs=attrs), inputs, tuple(_wide(t) for t in n.outputs))


def twin_lowering(n: NodeView, low: Lowering) -> Lowering:
    """The geometries that the twin's tensors have where the kernel widens them."""
    geoms = dict(low.geoms)
    for t in (*n.inputs, *n.outputs):
        if t is not None and t.id in geoms and t.dtype.packed:
            g = geoms[t.id]
            geoms[t.id] = Geom.dense(g.h, g.w, hwc(t.shape)[2])
    return replace(low, geoms=geoms)


def weight_table(rows: np.ndarray, dtype: DType) -> Table:
    """Weights int8 [R,K], each row from a whole byte on."""
    return Table("weights", pack(rows, dtype) if dtype.packed else np.ascontiguousarray(rows).view(np.uint8))


def clamp_of(n: NodeView) -> tuple[int, int]:
    lo, hi = getattr(n.attrs, "clamp", RANGE[n.y.dtype])
    return int(lo), int(hi)


def row_by_row(n: NodeView, t: Tensor) -> Access:
    """Of an element-wise operator's operand t with the output's pixels. Where the widths differ, element i of both is not in byte i of
    both, but kernels read a row before they write it."""
    return Elementwise() if t.stored == n.y.stored or not is_packed(n) else Window((1, 1), (1, 1), (0, 0))


def round_up_4(n: int) -> int:
    return -(-n // 4) * 4


def window_call(
    n: NodeView, low: Lowering, window: tuple[tuple[str, Value], ...], inner: KernelCall, func: str, header: str, struct: str,
    extra: tuple[tuple[str, Value], ...] = (), extra_scratch: int = 0,
) -> KernelCall:  # fmt: skip
    """The call of a kernel with TM_PACKED_FIELDS (tm/packed.h) around `inner`, the twin's call; `window` are its leading fields."""
    x, y = n.x, n.y
    fields = dict(window)
    ci, co = hwc(x.shape)[2], hwc(y.shape)[2]
    lo, hi = clamp_of(n)
    own = (
        ("in_c", ci), ("out_c", co), ("in_bits", x.dtype.bits), ("out_bits", y.dtype.bits), ("clamp_lo", lo), ("clamp_hi", hi),
    )  # fmt: skip
    inside = tuple(NO_GEOM if k in ("in", "out") else v for k, v in inner.params)
    extent = (fields["kernel_h"] - 1) * fields["dilation_h"] + 1
    rows = round_up_4(extent * low.geom(x).w * ci) if x.dtype.packed else 0
    rows += round_up_4(low.geom(y).w * co) if y.dtype.packed else 0
    args = tuple(a if a is not None else Scratch() for a in inner.args)
    scratch = max(4, extra_scratch + rows + inner.scratch_bytes)
    params = (*window, *own, ("inner", inside), *extra)
    return KernelCall(func, header, struct, params, args, scratch, uses=(inner.func, *inner.uses), loops=inner.loops, parts=inner.parts)
