"""What ADD, SUB and MUL of int16 values share: checks, the portable call, cases."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import NodeView, hwc
from tinyml.ops import _binary
from tinyml.ops import _elementwise as ew
from tinyml.ops.int16 import _wide
from tinyml.opspec import Case, KernelCall, Lowering, OpSpec, Ref, Value


def infer(n: NodeView, own: OpSpec) -> tuple[tuple[int, ...], ...]:
    _wide.check_activations(*_binary.operands(n), n.y)
    return own.infer(_wide.twin(n))


def wide_operands(arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, np.ndarray]:
    a, b = arrays
    assert a is not None and b is not None
    return a.astype(np.int64), b.astype(np.int64)


def call(n: NodeView, low: Lowering, name: str, fields: tuple[tuple[str, Value], ...], swap: bool = False) -> tuple[KernelCall, ...]:
    """tm_<name>(a, b), or with `swap` (b, a)."""
    a, b = reversed(_binary.operands(n)) if swap else _binary.operands(n)
    (pa, ga), (pb, gb) = ew.operand(a, low), ew.operand(b, low)
    out, (lo, hi) = hwc(n.y.shape), n.attrs.clamp
    params = (
        ("a", _binary.broadcast_geom(a, ga, out)), ("b", _binary.broadcast_geom(b, gb, out)), ("out", low.geom(n.y)),
        *fields, ("clamp_lo", lo), ("clamp_hi", hi),
    )  # fmt: skip
    return (KernelCall(f"tm_{name}", name, f"tm_{name}_params", params, (pa, pb, Ref(n.y.id), None)),)


def cases(own: OpSpec) -> Iterable[Case]:
    return map(_wide.plain_case, _wide.int8_cases(own))
