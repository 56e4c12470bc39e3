"""ADD and SUB of int16 values: operands are brought to a common scale with 15 extra bits, summed, and requantised. Kernel: tm/add_i16.h.

Numerics: LiteRT reference_ops::Add and Sub of int16. Where all three scales are powers of two and the option pot_scale_int16 is set,
LiteRT takes another path, which is not built.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import quantize_multiplier, rdivpot, srdhm
from tinyml.op_types import TypeSupport
from tinyml.ops import _binary
from tinyml.ops._sum import Scales
from tinyml.ops.int16 import _binary as wide
from tinyml.ops.int16 import _wide
from tinyml.opspec import Case, KernelCall, Lowering, OpSpec, supported

LEFT_SHIFT = 15


def _power_of_two(t: Tensor) -> bool:
    return math.frexp(t.scale)[0] == 0.5


def scales(n: NodeView, sign: int) -> Scales:
    a, b = _binary.operands(n)
    common, wide_out = 2.0 * max(a.scale, b.scale), n.y.scale * (1 << LEFT_SHIFT)
    supported(common / wide_out < 1, "output scale is less than a 16,384th of an input scale")
    mult_a, (mult_b, shift_b), out = (quantize_multiplier(r) for r in (a.scale / common, b.scale / common, common / wide_out))
    return Scales(mult_a, (sign * mult_b, shift_b), out)


def _scale_down(x: np.ndarray, by: tuple[int, int]) -> np.ndarray:
    return rdivpot(srdhm(x, by[0]), -by[1])


def sum_support(own: OpSpec, sign: int) -> TypeSupport:
    def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
        shapes = wide.infer(n, own)
        supported(not all(map(_power_of_two, (*_binary.operands(n), n.y))), "int16 with scales that are all powers of two")
        scales(n, sign)
        return shapes

    def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
        (a, b), s = wide.wide_operands(arrays), scales(n, sign)
        total = _scale_down(a << LEFT_SHIFT, s.a) + _scale_down(b << LEFT_SHIFT, s.b)
        return (_wide.clipped(_scale_down(total, s.out), n),)

    def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
        s, (a, b) = scales(n, sign), _binary.operands(n)
        swap = a.scale > b.scale
        # the larger scale's real multiplier is 1/2: a product without rounding
        small, factor = (s.b, 1 << (LEFT_SHIFT - 1)) if swap else (s.a, sign << (LEFT_SHIFT - 1))
        fields = (("a_mult", small[0]), ("a_shift", small[1]), ("b_factor", factor), ("out_mult", s.out[0]), ("out_shift", s.out[1]))
        return wide.call(n, low, "add_i16", fields, swap)

    def cases(own: OpSpec) -> Iterable[Case]:
        return (replace(c, options={**c.options, "PotScaleInt16": False}) for c in wide.cases(own))

    return TypeSupport(own.name, DType.INT16, infer, reference, lower, cases, _wide.DTYPES, file_options={"PotScaleInt16": False})
