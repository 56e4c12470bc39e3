"""im2col of a batch, shared by the convolutions."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView


def patches(n: NodeView, x: np.ndarray, kernel: tuple[int, int]) -> np.ndarray:
    """[N,OH,OW,kh,kw,C] view of the padded batch x [N,1,H,W,C]; the node has stride, dilation and pad, and an NHWC output."""
    a = n.attrs
    (top, left, bottom, right), (sh, sw), (dh, dw) = a.pad, a.stride, a.dilation
    p = np.pad(x[:, 0], ((0, 0), (top, bottom), (left, right), (0, 0)))
    s = p.strides
    _, oh, ow, _ = n.y.shape
    return np.lib.stride_tricks.as_strided(
        p, (len(x), oh, ow, *kernel, x.shape[-1]), (s[0], s[1] * sh, s[2] * sw, s[1] * dh, s[2] * dw, s[3]), writeable=False
    )
