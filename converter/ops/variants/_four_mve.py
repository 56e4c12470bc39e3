"""What the kernels for Armv8.1-M with Helium share: exact requantisation four lanes at a time, and streams of bytes."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView

LANES = 16  # int8 values of a vector
MOST = 31  # greatest shift


def exponents(mult: np.ndarray, shift: np.ndarray) -> np.ndarray | None:
    """int32 [C] e for y = rdivpot(srdhm(acc, mult), e) as the kernels compute it, which is exact for 1 <= e <= MOST. None where
    a channel has another shift. A multiplier of 0 gives 0 with any e."""
    e = np.where(mult == 0, 1, -shift.astype(np.int32)).astype(np.int32)
    return e if bool(((e >= 1) & (e <= MOST) & (mult >= 0)).all()) else None


def output_fields(n: NodeView) -> tuple[tuple[str, int], ...]:
    """out_zero_point, clamp_lo, clamp_hi, positive."""
    lo, hi = (int(v) for v in n.attrs.clamp)
    zero = n.y.zero_point
    return (("out_zero_point", zero), ("clamp_lo", lo), ("clamp_hi", hi), ("positive", int(lo >= zero)))


def words(data: bytes) -> np.ndarray:
    """int32 words of a stream of bytes."""
    return np.frombuffer(data, "<i4").astype(np.int32)


def ints(values: np.ndarray) -> bytes:
    """int32, little-endian."""
    return values.astype("<i4").tobytes()


def interleaved(four: np.ndarray) -> bytes:
    """Weights int8 [4,K], 16 inputs of each channel in turn."""
    whole = four.shape[1] // LANES * LANES
    chunks = four[:, :whole].reshape(4, -1, LANES).transpose(1, 0, 2)
    return chunks.tobytes() + np.ascontiguousarray(four[:, whole:]).tobytes()
