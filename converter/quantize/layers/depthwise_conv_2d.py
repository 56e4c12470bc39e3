"""DEPTHWISE_CONV_2D: weights [1,kh,kw,CI*multiplier]; every input channel is a group."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.quantize.layers import Layer
from tinyml.quantize.layers._patches import patches


def matrix(n: NodeView, w: np.ndarray) -> np.ndarray:
    _, kh, kw, co = w.shape
    ci = n.x.shape[3]
    return w.reshape(kh * kw, ci, co // ci).transpose(1, 2, 0)


def weights_of(n: NodeView, m: np.ndarray) -> np.ndarray:
    w = n.inputs[1]
    assert w is not None
    return np.ascontiguousarray(m.transpose(2, 0, 1)).reshape(w.shape)


def rows(n: NodeView, x: np.ndarray) -> np.ndarray:
    w = n.inputs[1]
    assert w is not None
    _, kh, kw, _ = w.shape
    return patches(n, x, (kh, kw)).transpose(5, 0, 1, 2, 3, 4).reshape(x.shape[-1], -1, kh * kw)


def channels(n: NodeView) -> np.ndarray:
    w = n.inputs[1]
    assert w is not None
    return np.broadcast_to(np.arange(w.shape[3]) // (w.shape[3] // n.x.shape[3]), w.shape)


LAYER = Layer("DEPTHWISE_CONV_2D", axis=3, matrix=matrix, weights_of=weights_of, rows=rows, channels=channels)
