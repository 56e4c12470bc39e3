"""Fixed-point arithmetic shared by the operators' references and lowerings: the numpy twin of `tm/base.h`.

Sources: gemmlowp `fixedpoint.h` (SRDHM, rounding shifts), LiteRT `quantization_util.cc` (QuantizeMultiplier) and
`common.cc` (MultiplyByQuantizedMultiplier, CalculateActivationRange).
"""

from __future__ import annotations

import math

import numpy as np

from tinyml.ir import DType, Tensor
from tinyml.opspec import require, supported

INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1
FLT_MAX = float(np.finfo(np.float32).max)  # LiteRT's "no clamp" of float activations
RANGE = {
    DType.INT2: (-2, 1), DType.INT4: (-8, 7), DType.INT8: (-128, 127), DType.UINT8: (0, 255), DType.INT16: (-32768, 32767),
    DType.INT32: (INT32_MIN, INT32_MAX),
}  # fmt: skip


# Signed types that layers of weights and pools compute with; any may stand on any side of a layer
INTEGERS = (DType.INT8, DType.INT4, DType.INT2)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """(mult, shift) with real ~ mult * 2^(shift-31), mult in [2^30, 2^31) or 0. `real` is a double >= 0."""
    if real == 0.0:
        return 0, 0
    q, shift = math.frexp(real)
    # C's round(): halves away from zero; q is positive
    mult = math.floor(q * (1 << 31) + 0.5)
    if mult == 1 << 31:
        mult //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    if shift > 30:  # LiteRT saturates here
        return INT32_MAX, 30
    return mult, shift


def wrap32(x: np.ndarray) -> np.ndarray:
    """int64 values reduced to what an int32 register would hold."""
    return np.asarray(x, np.int64).astype(np.int32).astype(np.int64)


def srdhm(a: np.ndarray, b: np.ndarray | int) -> np.ndarray:
    """SaturatingRoundingDoublingHighMul on int32 values held in int64 arrays."""
    a, b = np.asarray(a, np.int64), np.asarray(b, np.int64)
    out = (a * b + (1 << 30)) >> 31
    return np.where((a == INT32_MIN) & (b == INT32_MIN), INT32_MAX, out)


def rdivpot(x: np.ndarray, e: np.ndarray | int) -> np.ndarray:
    """RoundingDivideByPOT: x / 2^e, halves away from zero."""
    x, e = np.asarray(x, np.int64), np.asarray(e, np.int64)
    mask = (np.int64(1) << e) - 1
    return (x >> e) + ((x & mask) > (mask >> 1) + (x < 0))


def requant(x: np.ndarray, mult: np.ndarray | int, shift: np.ndarray | int) -> np.ndarray:
    """x * mult * 2^(shift-31), rounded twice (MultiplyByQuantizedMultiplier). Broadcasts over the last axis."""
    shift = np.asarray(shift, np.int64)
    left = np.maximum(shift, 0)
    return rdivpot(srdhm(wrap32(np.asarray(x, np.int64) << left), mult), np.maximum(-shift, 0))


def requant_once(x: np.ndarray, mult: np.ndarray | int, shift: np.ndarray | int) -> np.ndarray:
    """The same product rounded once, halves up: what LiteRT's FULLY_CONNECTED does."""
    total = 31 - np.asarray(shift, np.int64)
    x = np.asarray(x, np.int64) * np.asarray(mult, np.int64)
    return (x + (np.int64(1) << (total - 1))) >> total


def activation_clamp(kind: int, out: Tensor) -> tuple[int, int] | tuple[float, float]:
    """Clamp of a fused activation (tflite ActivationFunctionType 0 none, 1 relu, 2 relu_n1_to_1, 3 relu6) in the
    output's own domain. Raises KeyError for an activation that is not a clamp, Reject for an output type without one."""
    real = {0: (-FLT_MAX, FLT_MAX), 1: (0.0, FLT_MAX), 2: (-1.0, 1.0), 3: (0.0, 6.0)}[kind]
    if out.dtype is DType.FLOAT32:
        return real
    supported(out.dtype in RANGE and out.quant is not None, f"{out.dtype.value} output, or one without a scale")
    lo, hi = RANGE[out.dtype]
    return (
        lo if real[0] == -FLT_MAX else max(lo, quantize_value(real[0], out)),
        hi if real[1] == FLT_MAX else min(hi, quantize_value(real[1], out)),
    )


def check_clamp(clamp: tuple[float, float], out: Tensor) -> None:
    """A clamp that did not come from activation_clamp lies in the output's domain."""
    lo, hi = clamp
    if out.dtype is DType.FLOAT32:
        require(-FLT_MAX <= lo <= hi <= FLT_MAX, f"clamp {lo}..{hi} of a float output")
        return
    low, high = RANGE[out.dtype]
    whole = isinstance(lo, int) and isinstance(hi, int)
    require(whole and low <= lo <= hi <= high, f"clamp {lo}..{hi} of an output in {low}..{high}")


def quantize_value(real: float, t: Tensor) -> int:
    """zero_point + round(real / scale) in float32 arithmetic, halves away from zero; saturates at 2^31, since a tiny scale
    makes the quotient infinite."""
    with np.errstate(over="ignore"):
        q = float(np.float32(real) / np.float32(t.scale))
    return t.zero_point + int(math.copysign(math.floor(min(abs(q), 2.0**31) + 0.5), q))


def same_quant(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and (a.quant is b.quant or a.dtype is DType.FLOAT32 or a.quant == b.quant)
