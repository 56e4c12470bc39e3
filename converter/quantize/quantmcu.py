"""Widths of feature maps patch by patch, after QuantMCU (Liang et al., "QuantMCU: Exploring mixed-precision quantization for
patch-based inference", arXiv 2401.13714).

Published, and followed here: patches that hold outliers keep 8 bits on the branch behind them; for the others the width of
each feature map i is chosen among 8, 4 and 2 by the score

    S(i, b) = -lambda * Omega(i, b) + (1 - lambda) * Phi(i, b)

with Phi the bit operations that b bits save and Omega the entropy that they lose, feature map by feature map until the memory
limit holds. Not published, and our own design, chosen by measurement (docs/quantize.md):

- an outlier is an input value further than `sigmas` standard deviations from the mean over the calibration set; a patch position
  is one of outliers where the share of its values that are outliers is above `spread` times the mean share of all positions;
- Phi is the bit operations saved over those of the branch at 8 bits; Omega is ((H8 - Hb) / H8)^2, H the entropy of the quantised
  values over the calibration set. Without the square, what 4 bits lose is so much more than half of what 2 bits lose that no
  lambda chooses 4;
- the search starts at the best S of every map; while the branch needs more than the limit at its peak step, the map that loses
  the least S per byte saved there goes to the next width below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tinyml.ir import Graph
from tinyml.opspec import load_ops
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.grid import Grid, Histogram, best_grid
from tinyml.quantize.patches import Patched

WIDTHS = (8, 4, 2)


@dataclass(frozen=True)
class Settings:
    """weight: lambda, of the entropy. sigmas, spread: what an outlier is, see above. limit_bytes: of one branch's feature
    maps at its peak; None: as it comes."""

    weight: float = 0.5
    sigmas: float = 2.0
    spread: float = 1.25
    limit_bytes: int | None = None


@dataclass(frozen=True, eq=False)
class Branch:
    """What the search knows of one patch. maps: feature maps that only exist in patches, by the network's tensor; saved[i]: bit operations
    that a bit less in map i saves; total: those of the branch at 8 bits; lives[i]: first and last operator of the branch
    that needs map i; bytes8[i]: its bytes at 8 bits, in the largest patch; entropy[i][b]: bits."""

    maps: tuple[int, ...]
    saved: Mapping[int, int]
    total: int
    lives: Mapping[int, tuple[int, int]]
    bytes8: Mapping[int, int]
    entropy: Mapping[int, Mapping[int, float]]

    def score(self, i: int, bits: int, weight: float) -> float:
        h = self.entropy[i]
        lost = ((h[8] - h[bits]) / h[8]) ** 2 if h[8] > 0 else 0.0
        return -weight * lost + (1 - weight) * self.saved[i] * (8 - bits) / self.total

    def peak(self, widths: Mapping[int, int]) -> tuple[int, tuple[int, ...]]:
        """Bytes of the maps alive at the branch's peak operator, and which they are."""
        steps = range(1 + max((last for _, last in self.lives.values()), default=0))
        alive = [tuple(i for i in self.maps if self.lives[i][0] <= s <= self.lives[i][1]) for s in steps]
        needs = [(sum(self.bytes8[i] * widths[i] // 8 for i in live), live) for live in alive]
        return max(needs, key=lambda n: n[0], default=(0, ()))


def branch_of(patched: Patched, seen: Mapping[int, Histogram], grids: Mapping[int, Grid], weight_bits: Mapping[int, int]) -> Branch:
    """seen: what each map's values are in the patches whose widths are chosen. grids: of the network at 8 bits. weight_bits: of a
    layer, by its `Node.index` in the network."""
    graph, specs = patched.network.graph, load_ops()
    maps = patched.inner
    saved, lives, bytes8, total = dict.fromkeys(maps, 0), dict[int, tuple[int, int]](), dict.fromkeys(maps, 0), 0
    for node in graph.nodes:
        view = graph.view(node)
        if node.index not in patched.made_of:
            continue
        work = specs[node.op].macs(view) * weight_bits.get(patched.made_of[node.index], 8)
        total += 8 * work
        for t in view.inputs:
            if t is not None and t.id in patched.origin:
                saved[patched.origin[t.id][0]] += work
    first = [n for n in graph.nodes if n.index in patched.made_of]
    first = first[: len(first) // patched.patches]
    for k, node in enumerate(first):
        for t in (*node.inputs, *node.outputs):
            i = patched.origin.get(t, (-1, 0))[0] if t is not None else -1
            if i in saved:
                lives[i] = lives.get(i, (k, k))[0], k
    for t, (i, _) in patched.origin.items():
        if i in bytes8:
            bytes8[i] = max(bytes8[i], graph.tensors[t].elements)
    entropy = {i: {b: _entropy(seen[i], grids[i] if b == 8 else best_grid(seen[i], b)) for b in WIDTHS} for i in maps}
    return Branch(maps, saved, max(total, 1), lives, bytes8, entropy)


def _entropy(h: Histogram, grid: Grid) -> float:
    """Bits per value, of the quantised values."""
    q = np.rint(grid.fake(h.centres.astype(np.float32)) / grid.scale).astype(np.int64)
    _, inverse = np.unique(q, return_inverse=True)
    p = np.bincount(inverse, weights=h.counts)
    p = p[p > 0] / p.sum()
    return float(-(p * np.log2(p)).sum())


def search(branch: Branch, s: Settings) -> dict[int, int]:
    """Bits of every map."""
    widths = {i: max(WIDTHS, key=lambda b: (branch.score(i, b, s.weight), b)) for i in branch.maps}
    while s.limit_bytes is not None:
        needed, alive = branch.peak(widths)
        lower = [(i, WIDTHS[WIDTHS.index(widths[i]) + 1]) for i in alive if widths[i] > WIDTHS[-1]]
        if needed <= s.limit_bytes or not lower:
            break

        def loss(change: tuple[int, int]) -> float:
            i, b = change
            lost = branch.score(i, widths[i], s.weight) - branch.score(i, b, s.weight)
            return lost * 8 / (branch.bytes8[i] * (widths[i] - b))

        i, b = min(lower, key=lambda c: (loss(c), c))
        widths[i] = b
    return widths


def outliers(graph: Graph, patched: Patched, data: Calibration, sigmas: float) -> np.ndarray:
    """[N,P]: which share of the values that patch p of sample n reads of the network's input are outliers."""
    x = data.inputs[0].reshape(len(data), -1, *graph.tensors[graph.inputs[0]].shape[1:])[:, 0]
    far = np.abs(x - x.mean()) > sigmas * x.std()
    shares = []
    for rows, columns in patched.read:
        part = far[:, slice(*rows), slice(*columns)].reshape(len(x), -1)
        shares.append(part.sum(1) / max(1, part.shape[1]))
    return np.stack(shares, 1)


def positions_of_outliers(shares: np.ndarray, spread: float) -> frozenset[int]:
    """Patches that keep 8 bits whatever the input."""
    mean = shares.mean(0)
    return frozenset(np.flatnonzero(mean > spread * mean.mean()).tolist())


def inputs_of_outliers(shares: np.ndarray, spread: float) -> np.ndarray:
    """[N,P]: where the branch keeps 8 bits, decided input by input."""
    return shares > spread * shares.mean()
