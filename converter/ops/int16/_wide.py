"""What the int16 operators share: the int8 node of the same shapes, multipliers of layers with weights, and cases.

LiteRT's 16x8 kernels have zero points 0 throughout, biases of int64, and accumulators of 64 bits whose product with a multiplier of 16
bits is rounded once (common.cc, MultiplyByQuantizedMultiplier of an int64 value).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import RANGE, quantize_multiplier
from tinyml.ops import _channels
from tinyml.ops import _elementwise as ew
from tinyml.opspec import Case, CaseTensor, OpSpec, Options, Table, require, supported

DTYPES = ("int16",)
TFLITE_INT32 = 2  # of TensorType in the schema
MAX_ACCUMULATOR = 1 << 46  # LiteRT's own assertion is 2^47


def _narrow(t: Tensor) -> Tensor:
    dtype = {DType.INT16: DType.INT8, DType.INT64: DType.INT32}.get(t.dtype, t.dtype)
    return t if dtype is t.dtype else replace(t, dtype=dtype)


def twin(n: NodeView) -> NodeView:
    """The node with int8 in the place of int16, int32 in that of int64: for checks that see no values."""
    inputs = tuple(None if t is None else _narrow(t) for t in n.inputs)
    return NodeView(n.node, inputs, tuple(map(_narrow, n.outputs)))


def check_activations(*tensors: Tensor) -> None:
    """All are int16 with one scale and zero point 0, as LiteRT requires."""
    for t in tensors:
        supported(t.dtype is DType.INT16, f"{t.dtype.value} together with int16")
    ew.require_quant(*tensors)
    for t in tensors:
        supported(t.zero_point == 0, f"int16 activations with a zero point of {t.zero_point}, not 0")


def has_short_bias(n: NodeView) -> bool:
    """A bias of int32, which makes LiteRT keep sums of 32 bits too."""
    bias = n.input(2)
    return bias is not None and bias.dtype is DType.INT32


def check_bias_option(o: Options, inputs: tuple[Tensor | None, ...]) -> None:
    """A file's options name the type of bias and sums: LiteRT takes the bias for int64 unless they say int32, whatever the tensor is."""
    bias = inputs[2] if len(inputs) > 2 else None
    if bias is not None and bias.dtype in (DType.INT32, DType.INT64):
        said = DType.INT32 if o.get("QuantizedBiasType") == TFLITE_INT32 else DType.INT64
        what = f"{bias.dtype.value} bias with int16 activations, which the options' quantized_bias_type makes LiteRT read as {said.value}"
        supported(bias.dtype is said, what)


def check_layer(n: NodeView, channels: int, most: int, short: bool = False) -> None:
    """x, y int16, weights int8, bias int64 or absent; `most`: of the products of one output. short: an int32 bias is taken too, where no
    sum can leave an int32."""
    w, bias = n.inputs[1], n.input(2)
    assert w is not None
    check_activations(n.x, n.y)
    supported(w.dtype is DType.INT8, f"{w.dtype.value} weights with int16 activations, only int8")
    supported(not n.x.is_const, "constant int16 input")
    if bias is not None:
        taken = (DType.INT64, DType.INT32) if short else (DType.INT64,)
        supported(bias.dtype in taken, f"{bias.dtype.value} bias with int16 activations, only {' or '.join(t.value for t in taken)}")
        require(bias.elements == channels, f"bias has {bias.elements} elements for {channels} output channels")
        supported(bias.data is not None, "bias is not constant")
        assert bias.data is not None
        supported(int(np.abs(bias.data.astype(np.float64)).max(initial=0)) < MAX_ACCUMULATOR, "bias beyond 2^46")
        if has_short_bias(n):
            assert w.data is not None
            rows = np.moveaxis(w.data, 0, -1).reshape(-1, channels)
            reach = np.abs(rows.astype(np.int64)).sum(0) * (1 << 15) + np.abs(bias.data.astype(np.int64).reshape(-1))
            supported(int(reach.max(initial=0)) < 1 << 31, "sums that may leave the int32 of an int32 bias")
    supported(w.elements // max(channels, 1) < most, f"{w.elements // max(channels, 1)} products per output, at most {most - 1}")


def multipliers(n: NodeView, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """(mult int16 [C], shift int8 [C]) for tm_requant_i64: LiteRT's 32-bit multipliers, reduced to 16 bits."""
    w = n.inputs[1]
    assert w is not None
    pairs = [quantize_multiplier(n.x.scale * s / n.y.scale) for s in _channels.weight_scales(w, channels)]
    supported(all(shift < 8 for _, shift in pairs), "input scale times weight scale is 128 output scales or more")
    mult = [0x7FFF if m >= 0x7FFF0000 else (m + (1 << 15)) >> 16 for m, _ in pairs]
    return np.array(mult, np.int16), np.array([15 - s for _, s in pairs], np.int8)


def requant(acc: np.ndarray, mult: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """numpy twin of tm_requant_i64 over the last axis, int64 -> int64."""
    m, s = mult.astype(np.int64), shift.astype(np.int64)
    return ((acc * m + (np.int64(1) << (s - 1))) >> s).astype(np.int32).astype(np.int64)


def bias_table(n: NodeView, channels: int) -> Table:
    return Table("bias", _channels.bias_values(n.input(2), channels, np.int64))


def clipped(values: np.ndarray, n: NodeView) -> np.ndarray:
    """In the output's shape and type, clamped."""
    lo, hi = getattr(n.attrs, "clamp", RANGE[DType.INT16])
    return np.clip(values, lo, hi).reshape(n.y.shape).astype(np.int16)


# ---------------------------------------------------------------- cases


def short_bias_case(case: Case) -> Case:
    """An int16 case with an int32 bias, as files say it."""
    x, w, bias = case.inputs
    assert bias is not None and bias.data is not None
    short = replace(bias, dtype=DType.INT32, data=bias.data.astype(np.int32))
    return replace(case, name=f"{case.name}_int32_bias", options={**case.options, "QuantizedBiasType": TFLITE_INT32}, inputs=(x, w, short))


def widened(t: CaseTensor | None) -> CaseTensor | None:
    """An operand of an int8 case as that of the int16 case: activations in steps of 1/256, biases too."""
    if t is None or t.scale is None:
        return t
    if t.dtype is DType.INT32:
        assert isinstance(t.scale, tuple) and t.data is not None
        scale = tuple(float(np.float32(s / 256)) for s in t.scale)
        return replace(t, dtype=DType.INT64, scale=scale, data=t.data.astype(np.int64) * 251)
    if t.dtype is not DType.INT8 or isinstance(t.scale, tuple):
        return t
    data = None if t.data is None else (t.data.astype(np.int16) * 256 + 77).astype(np.int16)
    return replace(t, dtype=DType.INT16, scale=float(np.float32(t.scale / 256)), zero_point=0, data=data)


def weighted_case(case: Case) -> Case:
    """The second operand is a layer's weights, which stay int8."""
    x, w, *bias = case.inputs
    return replace(case, name=f"int16_{case.name}", inputs=(widened(x), w, *map(widened, bias)), outputs=tuple(map(widened, case.outputs)))


def plain_case(case: Case) -> Case:
    return replace(case, name=f"int16_{case.name}", inputs=tuple(map(widened, case.inputs)), outputs=tuple(map(widened, case.outputs)))


def int8_cases(spec: OpSpec) -> Iterable[Case]:
    """The operator's own cases whose activations are int8."""
    for case in spec.cases():
        if all(t.dtype is DType.INT8 for t in case.outputs) and case.inputs[0] is not None and case.inputs[0].dtype is DType.INT8:
            yield case
