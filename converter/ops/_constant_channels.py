"""Channel rules (opspec.ChannelRules) of the layers with weights: intervals of accumulators, and weights without channels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir import NodeView, Tensor
from tinyml.numerics import INT32_MAX, INT32_MIN
from tinyml.ops import _channels


def taken(t: Tensor, keep: np.ndarray, axis: int) -> Tensor:
    """A constant without some indices of dimension `axis`, and without their scales where it has one per index."""
    assert t.data is not None
    data = np.ascontiguousarray(np.compress(keep, t.data, axis))
    quant = t.quant
    if quant is not None and quant.per_channel and quant.axis == axis:
        quant = replace(
            quant,
            scale=tuple(s for s, k in zip(quant.scale, keep, strict=True) if k),
            zero_point=tuple(z for z, k in zip(quant.zero_point, keep, strict=True) if k)
            if len(quant.zero_point) > 1
            else quant.zero_point,
        )
    return replace(t, shape=data.shape, data=data, quant=quant)


def accumulators(n: NodeView, positive: np.ndarray, negative: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest accumulator, int64 [CO]. positive, negative [CO,CI]: sums of the weights of either sign; lo, hi [CI]."""
    zp = n.x.zero_point
    bias = _channels.bias_values(n.input(2), len(positive), np.int64)
    low, high = lo - zp, hi - zp
    return bias + positive @ low + negative @ high, bias + positive @ high + negative @ low


def in_range(lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    return (lo >= INT32_MIN) & (hi <= INT32_MAX)


def folded(n: NodeView, sums: np.ndarray, keep: np.ndarray, values: np.ndarray) -> Tensor | None:
    """The bias with the removed channels' part added; sums int64 [CO,CI] of the weights. None where there is no bias operand
    or the sum leaves int32."""
    bias = n.input(2)
    if bias is None or bias.data is None:
        return None
    total = bias.data.astype(np.int64).reshape(-1) + sums[:, ~keep] @ (values[~keep] - n.x.zero_point)
    if not in_range(total, total).all():
        return None
    return replace(bias, data=total.astype(np.int32).reshape(bias.shape))
