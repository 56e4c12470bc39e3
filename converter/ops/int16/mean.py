"""MEAN of int16 values: as of int8, with zero points 0. Kernel: tm/mean_i16.h.

Numerics: LiteRT reduce.cc, EvalIntegerMean of int16.
"""

from __future__ import annotations

from tinyml.ir import DType, NodeView
from tinyml.op_types import TypeSupport
from tinyml.ops import mean
from tinyml.ops.int16 import _wide
from tinyml.opspec import KernelCall, Lowering, Ref, supported

MAX_COUNT = 1 << 16  # values that an int32 sum holds


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    _wide.check_activations(n.x, n.y)
    shapes = mean.infer(_wide.twin(n))
    supported(mean.count(n) < MAX_COUNT, f"average of {mean.count(n)} values")
    return shapes


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    mult, shift = mean.multiplier_of(n)
    params = (*mean.common_params(n, low), ("mult", mult), ("shift", shift))
    return (KernelCall("tm_mean_i16", "mean_i16", "tm_mean_i16_params", params, (Ref(n.x.id), Ref(n.y.id), None)),)


SUPPORT = TypeSupport(
    "MEAN", DType.INT16, infer, mean.reference, lower, lambda own: map(_wide.plain_case, _wide.int8_cases(own)), _wide.DTYPES
)
