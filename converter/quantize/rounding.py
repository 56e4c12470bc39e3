"""Weights on a grid, rounded so that the layer's outputs change least, not the weights themselves.

With X the rows that a layer is fed, its squared output error is sum over channels of e H e^T, H = X^T X, e = w - s q. Rounding
each weight to the nearest value ignores that the errors of weights that are multiplied by similar inputs cancel or add up. Here

1. weights are rounded one after the other, each one's error made up for by those still to be rounded, in closed form
   (Frantar et al., "Optimal Brain Compression", arXiv 2208.11580, and "GPTQ", arXiv 2210.17323);
2. single weights are moved by steps while that lowers e H e^T (coordinate descent);
3. each channel's step s is set to the best one for its integers, and 2. repeated.

It has the aim of AdaRound (Nagel et al., arXiv 2004.10568) and reaches it without gradients, in seconds, with the same result every time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHRINK = np.linspace(1.0, 0.35, 27)  # of a channel's largest weight, tried as its range
SWEEPS = 4


@dataclass(frozen=True, eq=False)
class Rounded:
    """weights ~ q * scale: q int8 [M,K], scale float32 [M]."""

    q: np.ndarray
    scale: np.ndarray

    @property
    def real(self) -> np.ndarray:
        return self.q.astype(np.float32) * self.scale[:, None]


def limits(bits: int) -> tuple[int, int]:
    """Least and greatest weight. -128 is left out: kernels that multiply pairs rely on it."""
    return (-127, 127) if bits == 8 else (-(1 << bits - 1), (1 << bits - 1) - 1)


def channel_scales(w: np.ndarray, bits: int, importance: np.ndarray) -> np.ndarray:
    """float32 [M]: the step of each row of w [M,K] with the least squared error, weighted by importance [K]."""
    lo, hi = limits(bits)
    # the lower end reaches one step further: which of the two signs needs it is tried too
    reach = np.maximum(np.abs(w).max(1), 1e-8)
    best, found = np.full(len(w), np.inf), np.zeros(len(w))
    for f in (1.0,) if bits == 8 else SHRINK:
        scale = (reach * f / (hi if bits > 2 else 1.5)).astype(np.float32)
        q = np.clip(np.rint(w / scale[:, None]), lo, hi)
        loss = (np.square(w - q * scale[:, None]) * importance).sum(1)
        better = loss < best
        best[better], found[better] = loss[better], scale[better]
    return found.astype(np.float32)


def nearest(w: np.ndarray, scale: np.ndarray, bits: int) -> Rounded:
    return Rounded(np.clip(np.rint(w / scale[:, None]), *limits(bits)).astype(np.int8), scale)


def adaptive(w: np.ndarray, gram: np.ndarray, bits: int) -> Rounded:
    """w [M,K] rounded for the smallest sum of e gram e^T; gram [K,K] is X^T X."""
    h = gram.astype(np.float64)
    dead = np.diag(h) <= 1e-12 * max(float(np.diag(h).max()), 1e-30)
    h = h + np.eye(len(h)) * max(1e-3 * float(np.diag(h).mean()), 1e-12)
    scale = channel_scales(w, bits, np.diag(h).astype(np.float32))
    w64, q = w.astype(np.float64), None
    q = _compensated(w64, h, scale.astype(np.float64), bits)
    q[:, dead] = np.clip(np.rint(w64[:, dead] / scale[:, None]), *limits(bits))
    for _ in range(1 if bits == 8 else 3):
        q = _descend(w64, h, q, scale.astype(np.float64), bits)
        if bits < 8:
            scale = _best_scales(w64, h, q, scale)
    return Rounded(_descend(w64, h, q, scale.astype(np.float64), bits).astype(np.int8), scale)


def _compensated(w: np.ndarray, h: np.ndarray, scale: np.ndarray, bits: int) -> np.ndarray:
    """The integers [M,K] after rounding column by column, the most used inputs first."""
    order = np.argsort(-np.diag(h), kind="stable")
    lo, hi = limits(bits)
    inverse = np.linalg.inv(h[np.ix_(order, order)])
    upper = np.linalg.cholesky((inverse + inverse.T) / 2).T
    left, q = w[:, order].copy(), np.empty_like(w)
    for k in range(w.shape[1]):
        q[:, k] = np.clip(np.rint(left[:, k] / scale), lo, hi)
        error = (left[:, k] - q[:, k] * scale) / upper[k, k]
        left[:, k + 1 :] -= np.outer(error, upper[k, k + 1 :])
    out = np.empty_like(q)
    out[:, order] = q
    return out


def _descend(w: np.ndarray, h: np.ndarray, q: np.ndarray, scale: np.ndarray, bits: int) -> np.ndarray:
    """q with single weights moved to where their channel's error is least, given all others."""
    lo, hi = limits(bits)
    q = q.copy()
    slope = (w - q * scale[:, None]) @ h  # e H, kept up to date
    for _ in range(SWEEPS):
        moved = False
        for k in range(w.shape[1]):
            new = np.clip(np.rint(q[:, k] + slope[:, k] / (h[k, k] * scale)), lo, hi)
            change = new - q[:, k]
            rows = np.flatnonzero(change)
            if len(rows):
                moved = True
                slope[rows] -= np.outer(change[rows] * scale[rows], h[k])
                q[:, k] = new
        if not moved:
            break
    return q


def _best_scales(w: np.ndarray, h: np.ndarray, q: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The step of least error for each channel's integers, in closed form; the old one where there is none."""
    qh = q @ h
    top, bottom = (qh * w).sum(1), (qh * q).sum(1)
    ok = (bottom > 0) & (top > 0)
    return np.where(ok, top / np.where(ok, bottom, 1), scale).astype(np.float32)
