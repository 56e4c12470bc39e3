"""TRANSPOSE_CONV: weights [CO,kh,kw,CI]; a convolution over the input with zeros between its pixels, taps in reverse."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.quantize.layers import Layer


def rows(n: NodeView, x: np.ndarray) -> np.ndarray:
    w, a = n.inputs[1], n.attrs
    assert w is not None
    (_, kh, kw, ci), (_, oh, ow, _), (sh, sw) = w.shape, n.y.shape, a.stride
    _, _, ih, iw, _ = x.shape
    # output pixel (oy, ox) takes input (iy, ix) through tap (ky, kx) where iy * stride + ky - top = oy
    spread = np.zeros((len(x), oh + kh + (ih - 1) * sh, ow + kw + (iw - 1) * sw, ci), np.float32)
    top, left = kh - 1 - a.pad[0], kw - 1 - a.pad[1]
    rows_at, cols_at = np.arange(ih) * sh + top, np.arange(iw) * sw + left
    inside = np.ix_(np.arange(len(x)), rows_at[rows_at >= 0], cols_at[cols_at >= 0])
    spread[inside] = x[:, 0][:, rows_at >= 0][:, :, cols_at >= 0]
    taps = np.lib.stride_tricks.sliding_window_view(spread, (kh, kw), axis=(1, 2))[:, :oh, :ow]  # [N,OH,OW,CI,kh,kw]
    return taps[..., ::-1, ::-1].transpose(0, 1, 2, 4, 5, 3).reshape(1, -1, kh * kw * ci)


LAYER = Layer(
    "TRANSPOSE_CONV",
    axis=0,
    matrix=lambda n, w: w.reshape(1, w.shape[0], -1),
    weights_of=lambda n, m: m.reshape(n.inputs[1].shape),  # type: ignore[union-attr]
    rows=rows,
    channels=lambda n: np.broadcast_to(np.arange(n.inputs[1].shape[3]), n.inputs[1].shape),  # type: ignore[union-attr]
    x=2,
    weights=1,
    bias=3,
)
