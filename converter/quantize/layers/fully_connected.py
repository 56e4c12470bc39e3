"""FULLY_CONNECTED: weights [M,K]."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.quantize.layers import Layer


def channels(n: NodeView) -> np.ndarray | None:
    """A row of weights may span several pixels, each with all of its channels."""
    w, c = n.inputs[1], n.x.shape[-1]
    assert w is not None
    return np.broadcast_to(np.arange(w.shape[1]) % c, w.shape) if w.shape[1] % c == 0 else None


LAYER = Layer(
    "FULLY_CONNECTED",
    axis=0,
    matrix=lambda n, w: w[None],
    weights_of=lambda n, m: m[0],
    rows=lambda n, x: x.reshape(1, -1, n.inputs[1].shape[1]),  # type: ignore[union-attr]
    channels=channels,
)
