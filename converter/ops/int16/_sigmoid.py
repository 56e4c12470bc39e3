"""The S-shaped functions of int16 values: a table of the sigmoid in steps of 1/24 and a line between two entries.

Numerics: LiteRT reference_integer_ops::Logistic and Tanh of int16. Inputs become multiples of 1/12288 (LOGISTIC) or half of that (TANH,
which is 2 sigmoid(2x) - 1) by a multiplier of 16 bits that is cut off and not rounded; where the input scale is a power of two, the
multiplier is exactly 3. Kernels: tm/logistic_i16.h, tm/tanh_i16.h.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.op_types import TypeSupport
from tinyml.ops import _elementwise as ew
from tinyml.ops.int16 import _wide
from tinyml.opspec import Case, CaseTensor, FixedRange, KernelCall, Lowering, OpSpec, Ref, Table, supported

OUTPUT = 1 / 32768
ENTRIES = 256
# entries that are one more than the sigmoid rounded to nearest, so that the lines between them lie closer to it: measured, by
# inputs that meet the entries exactly
RAISED = (
    4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39, 40, 41, 43, 44, 45, 46, 49, 50, 54, 62, 63, 64,
    66, 82, 86, 93, 100, 103, 112, 116, 135, 255,
)  # fmt: skip


@cache
def table() -> np.ndarray:
    """uint16 [256]: sigmoid(k / 24) in 1/65536."""
    values = np.array([math.floor(65536 / (1 + math.exp(-k / 24)) + 0.5) for k in range(ENTRIES)])
    values[list(RAISED)] += 1
    made = values.astype(np.uint16)
    made.setflags(write=False)
    return made


def multiplier_of(n: NodeView, most_left: int) -> tuple[int, int]:
    """(mult, shift): the table's position is (x * mult + half) >> shift. most_left: shifts of a scale of 2^-12 that stay exact."""
    log2 = math.log2(n.x.scale)
    whole = round(log2)
    if abs(log2 - whole) < 1e-3 and 0 <= whole + 12 <= most_left:
        return 3 << (whole + 12), 0
    real, shift = n.x.scale * 4096 * 3, 0
    while real <= 32767 / 2 and shift <= 30:
        real, shift = real * 2, shift + 1
    supported(int(real) >= 1, "int16 input scale is too small")
    supported(real < 1 << 16, "int16 input scale is too large: positions leave an int32")
    return int(real), shift


def sigmoid_support(own: OpSpec, bits: int, most_left: int) -> TypeSupport:
    """bits: of the position between two entries, 9 for LOGISTIC, 8 for TANH."""
    name = own.name.lower()
    func = f"tm_{name}_i16"

    def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
        _wide.check_activations(n.x, n.y)
        supported(n.y.scale == OUTPUT, "int16 output of another scale than 1/32768")
        multiplier_of(n, most_left)
        return (n.x.shape,)

    def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
        assert arrays[0] is not None
        mult, shift = multiplier_of(n, most_left)
        at = (arrays[0].astype(np.int64) * mult + ((1 << shift) >> 1)) >> shift
        entry, rest = np.abs(at) >> bits, np.abs(at) & ((1 << bits) - 1)
        known = table().astype(np.int64)
        k = np.minimum(entry, ENTRIES - 2)
        # (sigmoid of |x|) in 1/2^(16 + bits), at least a half
        high = np.where(entry < ENTRIES - 1, (known[k] << bits) + rest * (known[k + 1] - known[k]), _end(bits))
        one, half = 1 << (16 + bits), 1 << (15 + bits)
        if bits == 9:
            y = np.where(at >= 0, high + 512, one - high + 511) >> 10
        else:
            y = np.where(at >= 0, high - half + 128, half - high + 127) >> 8
        return (y.astype(np.int16),)

    def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
        (source, geom), (mult, shift) = ew.operand(n.x, low), multiplier_of(n, most_left)
        params = (("in", geom), ("out", low.geom(n.y)), ("mult", mult), ("shift", shift))
        args = (source, Table("sigmoid", table(), "table"), Ref(n.y.id), None)
        return (KernelCall(func, f"{name}_i16", f"{func}_params", params, args),)

    def cases(spec: OpSpec) -> Iterable[Case]:
        for label, scale in (
            ("usual", 2e-4), ("exact", 2.0**-12), ("exact_twice", 2.0**-11), ("power_of_two", 2.0**-10), ("flat", 1e-7), ("steep", 0.02),
            ("step", 5.0), ("fine", 1e-5),
        ):  # fmt: skip
            shape = (1, 16, 16, 9)
            x = CaseTensor(shape, DType.INT16, scale=float(np.float32(scale)))
            yield Case(f"int16_{label}", {}, (x,), (replace(x, scale=OUTPUT),))

    return TypeSupport(
        own.name, DType.INT16, infer, reference, lower, cases, _wide.DTYPES, fixed_output=FixedRange(OUTPUT, 0),
        c_limits=("int16: output scale 1/32768, zero point 0",),
    )  # fmt: skip


def _end(bits: int) -> int:
    """Beyond the table, in 1/2^(16 + bits)."""
    return 0x7FFF << 10 if bits == 9 else 0xFFFF << 8
