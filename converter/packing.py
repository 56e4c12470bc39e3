"""Values of 4 and 2 bits, several to a byte, lowest bits first: the layout of docs/kernel-contract.md, "Packed types".

In numpy a value of DType.INT4 or INT2 is one int8; only files, flash and the arena hold them packed.
"""

from __future__ import annotations

import numpy as np

from tinyml.ir import DType, Tensor


def pack(values: np.ndarray, dtype: DType) -> np.ndarray:
    """uint8 [.., ceil(C * bits / 8)] of int8 [.., C] values within the type's range; the last byte's unused bits are 0."""
    bits, per = dtype.bits, 8 // dtype.bits
    c = values.shape[-1]
    low = np.zeros((*values.shape[:-1], -(-c // per) * per), np.uint8)
    low[..., :c] = values.astype(np.int8).view(np.uint8) & ((1 << bits) - 1)
    shifts = np.arange(per, dtype=np.uint8) * np.uint8(bits)
    return np.bitwise_or.reduce(low.reshape(*values.shape[:-1], -1, per) << shifts, axis=-1).astype(np.uint8)


def unpack(raw: np.ndarray, dtype: DType, count: int) -> np.ndarray:
    """int8 [.., count] of uint8 [.., ceil(count * bits / 8)]."""
    bits, per = dtype.bits, 8 // dtype.bits
    shifts = np.arange(per, dtype=np.uint8) * np.uint8(bits)
    wide = (raw.view(np.uint8)[..., None] >> shifts) & np.uint8((1 << bits) - 1)
    signed = wide.astype(np.int8) - ((wide >> (bits - 1)) << bits).astype(np.int8)
    return np.ascontiguousarray(signed.reshape(*raw.shape[:-1], -1)[..., :count])


def stored(values: np.ndarray, t: Tensor) -> np.ndarray:
    """The values of tensor `t` as its bytes lie in the arena: [H,W,units] of its storage units, unchanged where not packed."""
    flat = values.reshape(t.stored[0], t.stored[1], -1)
    return pack(flat, t.dtype) if t.dtype.packed else flat
