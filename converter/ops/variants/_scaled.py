"""What the depthwise variants for Armv7E-M share: which layers they take, weights scaled into 16 bits so that the sums arrive as
the requantisation wants them, and its constants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _channels
from tinyml.ops.variants import _requant

SCALE = (256, 2)  # by any_sign


@dataclass(frozen=True, eq=False)
class Scaled:
    """weights int64 [KH,KW,C] and bias int32 [C] (zero point folded in), both multiplied by SCALE[any_sign]."""

    weights: np.ndarray
    bias: np.ndarray
    q: _requant.Constants
    any_sign: int


def parts(n: NodeView) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weights int8 [KH*KW,C], bias with the zero point folded in, mult, shift."""
    w = n.inputs[1]
    assert w is not None and w.data is not None
    _, kh, kw, c = w.shape
    weights = w.data.reshape(kh * kw, c)
    return weights, _channels.folded_bias(n.x, n.input(2), weights.sum(0, dtype=np.int64)), *_channels.multipliers(n.x, w, n.y, c)


def scaled(n: NodeView) -> Scaled | None:
    """None where the layer is no plain int8 depthwise one with multiplier 1, or has no exact constants."""
    w = n.inputs[1]
    assert w is not None and w.data is not None
    if n.is_float or w.shape[3] != n.x.shape[3] or tuple(n.attrs.clamp) != (-128, 127):
        return None
    weights, bias, mult, shift = parts(n)
    lo, hi = _requant.bounds(weights.T, bias)
    q, any_sign = _requant.one_sign(mult, shift, n.y.zero_point, lo, hi), 0
    if q is None:
        q, any_sign = _requant.any_sign(mult, shift, n.y.zero_point, lo, hi), 1
    if q is None:
        return None
    s = SCALE[any_sign]
    # a constant channel's bias may be large, its sum is not used
    return Scaled(w.data[0].astype(np.int64) * s, (bias.astype(np.int64) * s).astype(np.int32), q, any_sign)


def halves(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """int32 words of 16-bit halves."""
    return ((low & 0xFFFF) | (high & 0xFFFF) << 16).astype(np.uint32).view(np.int32)
