"""Per-output-channel quantisation of the layers with weights: checks, multipliers, folded biases."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import INTEGERS, quantize_multiplier, requant
from tinyml.opspec import Table, require, supported

MAX_TERMS = 1 << 17  # products of two int8 that an int32 accumulator holds: terms * 2^14 <= 2^31


def check_types(x: Tensor, w: Tensor, bias: Tensor | None, y: Tensor, channels: int, axis: int) -> None:
    """Input, weights [.., channels at `axis`, ..] and bias of one layer belong together and are built."""
    supported(w.is_const, "weights are not constant")
    supported(bias is None or bias.is_const, "bias is not constant")
    for t in (x, y):
        supported(t.dtype in (*INTEGERS, DType.FLOAT32), f"{t.dtype.value} activations")
    is_float = DType.FLOAT32 in (x.dtype, y.dtype)
    supported(x.dtype == y.dtype or not is_float, f"input {x.dtype.value} with output {y.dtype.value}")
    supported(w.dtype in ((DType.FLOAT32,) if is_float else INTEGERS), f"{w.dtype.value} weights with {x.dtype.value} activations")
    if bias is not None:
        require(bias.elements == channels, f"bias has {bias.elements} elements for {channels} output channels")
        expected = DType.FLOAT32 if is_float else DType.INT32
        supported(bias.dtype is expected, f"{bias.dtype.value} bias with {x.dtype.value} activations")
    if not is_float:
        for t in (x, y):
            require(t.quant is not None, f"{t.dtype.value} tensor without quantisation parameters")
            supported(t.quant is None or not t.quant.per_channel, "activations quantised per channel")
        require(w.quant is not None, f"{w.dtype.value} weights have no quantisation parameters")
        assert w.quant is not None
        if w.quant.per_channel:
            require(len(w.quant.scale) == channels, f"{len(w.quant.scale)} weight scales for {channels} output channels")
            require(w.quant.axis == axis, f"weights are quantised along dimension {w.quant.axis}, not {axis}")
        supported(not any(w.quant.zero_point), f"{w.dtype.value} weights with a zero point other than 0")
        terms = w.elements // max(channels, 1)
        supported(terms < MAX_TERMS, f"{terms} products per output, an int32 accumulator holds {MAX_TERMS - 1}")


def weight_scales(w: Tensor, channels: int) -> tuple[float, ...]:
    assert w.quant is not None
    return w.quant.scale if w.quant.per_channel else w.quant.scale * channels


def multipliers(x: Tensor, w: Tensor, y: Tensor, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """(mult int32 [C], shift int8 [C]) of input_scale * weight_scale[c] / output_scale, computed in double.

    Source: LiteRT kernel_util.cc, PopulateConvolutionQuantizationParams.
    """
    return _multipliers(x.scale, weight_scales(w, channels), y.scale)


@lru_cache(maxsize=1024)  # the search for a plan lowers each layer dozens of times
def _multipliers(x: float, weights: tuple[float, ...], y: float) -> tuple[np.ndarray, np.ndarray]:
    pairs = [quantize_multiplier(x * s / y) for s in weights]
    out = np.array([m for m, _ in pairs], np.int32), np.array([s for _, s in pairs], np.int8)
    for shared in out:
        shared.flags.writeable = False
    return out


def bias_values(bias: Tensor | None, channels: int, dtype: type) -> np.ndarray:
    """[C], zeros where the layer has no bias."""
    return np.zeros(channels, dtype) if bias is None else np.asarray(bias.data, dtype).reshape(-1)


def folded_bias(x: Tensor, bias: Tensor | None, weight_sums: np.ndarray) -> np.ndarray:
    """int32 bias[c] - input_zero_point * sum(weights of c): the zero-point term folded at compile time. Kernels
    then sum raw q * w, with padding pixels equal to the zero point. Wraps like the int32 accumulator it feeds."""
    b = bias_values(bias, len(weight_sums), np.int64) - x.zero_point * weight_sums.astype(np.int64)
    return b.astype(np.int32)


def channel_tables(x: Tensor, w: Tensor, bias: Tensor | None, y: Tensor, weight_sums: np.ndarray) -> tuple[Table, Table, Table]:
    """bias (zero point folded in), mult, shift of an int8 layer."""
    mult, shift = multipliers(x, w, y, len(weight_sums))
    return Table("bias", folded_bias(x, bias, weight_sums)), Table("mult", mult), Table("shift", shift)


def output_bounds(n: NodeView, w: Tensor, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest int8 output, int64 [C], of accumulators in [lo, hi]; the whole range where those leave int32."""
    mult, shift = multipliers(n.x, w, n.y, len(lo))
    fits = (np.maximum(np.abs(lo), np.abs(hi)) << np.maximum(shift.astype(np.int64), 0)) < 1 << 31

    def at(acc: np.ndarray) -> np.ndarray:
        return np.clip(requant(np.where(fits, acc, 0), mult, shift) + n.y.zero_point, *n.attrs.clamp)

    return np.where(fits, at(lo), -128), np.where(fits, at(hi), 127)
