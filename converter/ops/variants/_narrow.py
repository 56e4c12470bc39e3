"""Streams of weights of 4 and 2 bits in the layout of tm/narrow_stream.h, from the streams of the kernels on int8 weights."""

from __future__ import annotations

import numpy as np

from tinyml.ir import Tensor


def symmetric(w: Tensor) -> bool:
    """No weight is the least one of its width, so that a byte of w[a] + 256 * w[b] fits the width too."""
    assert w.data is not None
    return int(w.data.min(initial=0)) > -(1 << (w.dtype.bits - 1))


def block(stream: np.ndarray, head: int, tail: int, bits: int) -> np.ndarray:
    """uint32 words of one block; stream int32 words: `head` of them, the weights, `tail`."""
    words = stream.astype(np.int32).view(np.uint32)
    weights, per = words[head : len(words) - tail], 8 // bits
    padded = np.pad(weights, (0, -len(weights) % per)).reshape(-1, per)
    mask = np.uint32(sum(((1 << bits) - 1) << (8 * k) for k in range(4)))
    fields = (padded & mask) << (np.arange(per, dtype=np.uint32) * np.uint32(bits))
    packed = np.bitwise_or.reduce(fields, axis=1) if len(fields) else np.zeros(0, np.uint32)
    return np.concatenate([words[:head], packed, words[len(words) - tail :]]).astype(np.uint32)
