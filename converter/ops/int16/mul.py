"""MUL of int16 values. Kernel: tm/mul_i16.h. Numerics: LiteRT reference_integer_ops::Mul of int16, two roundings."""

from __future__ import annotations

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.numerics import requant
from tinyml.op_types import TypeSupport
from tinyml.ops import mul
from tinyml.ops.int16 import _binary as wide
from tinyml.ops.int16 import _wide
from tinyml.opspec import KernelCall, Lowering


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    a, b = wide.wide_operands(arrays)
    return (_wide.clipped(requant(a * b, *mul.multiplier_of(n)), n),)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    mult, shift = mul.multiplier_of(n)
    return wide.call(n, low, "mul_i16", (("out_mult", mult), ("out_shift", shift)))


SUPPORT = TypeSupport("MUL", DType.INT16, lambda n: wide.infer(n, mul.SPEC), reference, lower, wide.cases, _wide.DTYPES)
