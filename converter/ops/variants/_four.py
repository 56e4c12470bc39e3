"""Weights of four output channels in one stream, for the kernels of RV32IM: the layout of tm/conv_2d_swar.h."""

from __future__ import annotations

import numpy as np

from tinyml.ops.variants._requant import Constants
from tinyml.opspec import Value


def quarter(q: Constants, any_sign: int) -> Constants:
    """For any sign, constants that take the sum multiplied by 4 and a product rounded down: one more bit, whose half
    they add, does what rounding it would."""
    if not any_sign:
        return q
    return Constants(q.mult, 2 * q.add + 1, q.shift + 1)


def quarter_fields(params: tuple[tuple[str, Value], ...]) -> tuple[tuple[str, Value], ...]:
    """The same for the fields add and shift of a kernel's params."""

    def changed(name: str, value: Value) -> Value:
        if name == "add":
            assert isinstance(value, int)
            return 2 * value + 1
        if name == "shift":
            assert isinstance(value, int)
            return value + 1
        return value

    return tuple((name, changed(name, value)) for name, value in params)


def chunks(weights: np.ndarray) -> np.ndarray:
    """int8 [N,4,2] of int8 [4,K]: two inputs at a time."""
    padded = np.pad(weights, ((0, 0), (0, weights.shape[1] % 2)))
    return padded.reshape(4, -1, 2).transpose(1, 0, 2)


def constants(q: Constants, at: slice) -> bytes:
    """mult and add of each channel, then their shifts."""
    pairs = np.stack([q.mult[at], q.add[at]], 1)
    return pairs.astype("<i4").tobytes() + q.shift[at].astype(np.int8).tobytes()


def words(data: bytes) -> np.ndarray:
    """int32 words of a stream of bytes."""
    return np.frombuffer(data, "<i4").astype(np.int32)
