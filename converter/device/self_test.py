"""What a firmware's self tests must give: computed here, so that few bytes on the line prove arithmetic and network."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

WORDS = 1024


def arithmetic_crc() -> int:
    """The pattern of SELF_TEST: sums of squares of a linear congruential sequence, which need 32- and 64-bit multiplication."""
    x, total, crc = 1, 0, 0
    for _ in range(WORDS):
        x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
        total = (total + x * x) & 0xFFFFFFFFFFFFFFFF
        crc = zlib.crc32(struct.pack("<Q", total), crc)
    return crc


def generated_inputs(seed: int, tensors: Sequence[tuple[tuple[int, ...], np.dtype, np.dtype, float, int]]) -> list[np.ndarray]:
    """The inputs that a device makes of `seed`, 1..2^32-1: one step of Marsaglia's xorshift32 (13, 17, 5) per element.

    tensors: per input shape, stored type, the model file's type, scale, zero point. Stored int8 and uint8: the top 8 bits;
    int16: the top 16; int32 and int64: the top bit; float32: the top 24 bits as a fraction in [0, 1). Arrays are of the model
    file's type: float32 over a stored int8 is the value that the stored number stands for."""
    if not 0 < seed < 1 << 32:
        raise ValueError("a seed is 1..2^32-1")
    out, x = [], seed
    for shape, stored, dtype, scale, zero_point in tensors:
        draws = np.empty(int(np.prod(shape)), np.uint32)
        for k in range(draws.size):
            x ^= x << 13 & 0xFFFFFFFF
            x ^= x >> 17
            x ^= x << 5 & 0xFFFFFFFF
            draws[k] = x
        if stored.kind == "f":
            values = (draws >> 8).astype(np.float32) * np.float32(2.0**-24)
        elif stored.itemsize <= 2:
            values = (draws >> (32 - 8 * stored.itemsize)).astype(f"u{stored.itemsize}").view(stored)
        else:
            values = (draws >> 31).astype(stored)
        if dtype.kind == "f" and stored.kind != "f":
            values = (values.astype(np.int32) - zero_point).astype(np.float32) * np.float32(scale)
        out.append(values.astype(dtype).reshape(shape))
    return out


def outputs_crc(outputs: Sequence[np.ndarray]) -> int:
    """CRC-32 over all outputs, in the model file's types, one after another."""
    crc = 0
    for y in outputs:
        crc = zlib.crc32(np.ascontiguousarray(y, y.dtype.newbyteorder("<")).tobytes(), crc)
    return crc
