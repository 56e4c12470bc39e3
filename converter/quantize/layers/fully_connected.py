"""FULLY_CONNECTED: weights [M,K]."""

from __future__ import annotations

from tinyml.quantize.layers import Layer

LAYER = Layer(
    "FULLY_CONNECTED",
    axis=0,
    matrix=lambda n, w: w[None],
    weights_of=lambda n, m: m[0],
    rows=lambda n, x: x.reshape(1, -1, n.inputs[1].shape[1]),  # type: ignore[union-attr]
)
