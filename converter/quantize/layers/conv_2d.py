"""CONV_2D: weights [CO,kh,kw,CI/groups]."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.quantize.layers import Layer
from tinyml.quantize.layers._patches import patches


def _groups(n: NodeView) -> int:
    w = n.inputs[1]
    assert w is not None
    return n.x.shape[3] // w.shape[3]


def rows(n: NodeView, x: np.ndarray) -> np.ndarray:
    w, groups = n.inputs[1], _groups(n)
    assert w is not None
    _, kh, kw, ci = w.shape
    cols = patches(n, x, (kh, kw))
    if groups == 1:
        return cols.reshape(1, -1, kh * kw * ci)
    count = cols.shape[0] * cols.shape[1] * cols.shape[2]
    return cols.reshape(count, kh * kw, groups, ci).transpose(2, 0, 1, 3).reshape(groups, count, kh * kw * ci)


def channels(n: NodeView) -> np.ndarray:
    w, groups = n.inputs[1], _groups(n)
    assert w is not None
    co, _, _, ci = w.shape
    first = np.arange(co) // (co // groups) * ci
    return np.broadcast_to(first[:, None, None, None] + np.arange(ci), w.shape)


LAYER = Layer(
    "CONV_2D",
    axis=0,
    matrix=lambda n, w: w.reshape(_groups(n), w.shape[0] // _groups(n), -1),
    weights_of=lambda n, m: m.reshape(n.inputs[1].shape),  # type: ignore[union-attr]
    rows=rows,
    channels=channels,
)
