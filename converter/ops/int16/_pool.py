"""Pools of int16 values: the references are those of int8. Kernels: tm/average_pool_2d_i16.h, tm/max_pool_2d_i16.h."""

from __future__ import annotations

from tinyml.ir import DType, NodeView
from tinyml.op_types import TypeSupport
from tinyml.ops import _pool, _window
from tinyml.ops.int16 import _wide
from tinyml.opspec import KernelCall, Lowering, OpSpec, Ref, supported

MAX_PIXELS = 1 << 15  # of a window: what an int32 sum of int16 values holds, with room for rounding


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    _wide.check_activations(n.x, n.y)
    kh, kw = n.attrs.kernel
    supported(kh * kw < MAX_PIXELS, f"window of {kh} x {kw} pixels")
    return _pool.infer(_wide.twin(n))


def pool_support(spec: OpSpec) -> TypeSupport:
    name = spec.name.lower()
    func = f"tm_{name}_i16"

    def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
        a = n.attrs
        params = (*_window.window_params(n, low, a.kernel, a.stride, (1, 1), a.pad), ("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1]))
        return (KernelCall(func, f"{name}_i16", f"{func}_params", params, (Ref(n.x.id), Ref(n.y.id), None)),)

    return TypeSupport(
        spec.name, DType.INT16, infer, spec.reference, lower, lambda own: map(_wide.plain_case, _wide.int8_cases(own)), _wide.DTYPES
    )
