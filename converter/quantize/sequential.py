"""Layer after layer: weights and bias are fitted to what the layer is really fed, namely values that the layers before it have
already rounded.

For each layer the float network's inputs X and the quantised network's inputs X' are sampled at the same pixels. The weights that
undo, as far as a linear layer can, what was lost before it are W + argmin |(X - X') W^T - X' D^T|^2 + ridge |D|^2 (compare
"asymmetric reconstruction" in Nagel et al., arXiv 2004.10568); they are rounded by :mod:`tinyml.quantize.rounding`. The bias then
makes the mean of every output channel the float network's ("bias correction", Nagel et al., arXiv 1906.04721, with the means
measured and not assumed).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.ir import Graph, NodeView
from tinyml.quantize.batch import Tape
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.grid import Grid
from tinyml.quantize.layers import Layer, load_layers
from tinyml.quantize.rounding import Rounded, adaptive, channel_scales, nearest

MAX_ROWS = 24_000  # sampled per layer
RIDGE = 0.01  # of the mean square of an input


@dataclass(frozen=True, eq=False)
class Method:
    """What is done beyond rounding to nearest; each can be left out, to measure what it brings."""

    adaptive: bool = True  # rounding.adaptive instead of nearest
    refit: bool = True  # undo what was lost before the layer
    correct: bool = True  # bias correction


BEST = Method()


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """Of one layer: q int8 in the tensor's own shape, scale float32 per output channel, bias float32 [channels]."""

    q: np.ndarray
    scale: np.ndarray
    bias: np.ndarray
    bits: int

    def real(self, axis: int) -> np.ndarray:
        shape = [1] * self.q.ndim
        shape[axis] = -1
        return self.q.astype(np.float32) * self.scale.reshape(shape)


def quantise_layers(
    graph: Graph, grids: Mapping[int, Grid], widths: Mapping[int, int], data: Calibration, seed: int,
    method: Method = BEST, progress: Callable[[str], None] = lambda text: None,
) -> dict[int, LayerWeights]:  # fmt: skip
    """Weights of every layer whose `Node.index` is in `widths` (-> bits), by that index. Every layer has a bias."""
    layers, rng = load_layers(), np.random.default_rng(seed)

    def fake(t: int, x: np.ndarray) -> np.ndarray:
        return grids[t].fake(x) if t in grids else x

    exact = Tape(graph, data.inputs)
    rough = Tape(graph, [fake(t, x) for t, x in zip(graph.inputs, data.inputs, strict=True)])
    done: dict[int, LayerWeights] = {}
    for k, node in enumerate(graph.nodes):
        if node.index in widths:
            progress(f"rounding weights ({k + 1} of {len(graph.nodes)})")
            view, layer = graph.view(node), layers[node.op]
            x, w, bias = layer.tensors(view)
            assert bias is not None
            pixels = _pixels(view, len(data), rng)
            rows = [_sampled(layer, view, tape.values[x.id], pixels) for tape in (exact, rough)]
            made = _fitted(layer, view, rows[0], rows[1], widths[node.index], method)
            done[node.index] = made
            rough.set_constant(w.id, made.real(layer.axis))
            rough.set_constant(bias.id, made.bias)
        exact.step(node)
        rough.step(node, fake)
    return done


def fit_alone(
    layer: Layer, n: NodeView, x: np.ndarray, widths: Sequence[int], rng: np.random.Generator, method: Method = BEST
) -> dict[int, LayerWeights]:
    """A layer's weights at several widths, for inputs x [N,*shape] that are exact."""
    rows = _sampled(layer, n, x, _pixels(n, len(x), rng))
    return {bits: _fitted(layer, n, rows, rows, bits, method) for bits in widths}


def _fitted(layer: Layer, n: NodeView, exact: np.ndarray, rough: np.ndarray, bits: int, method: Method) -> LayerWeights:
    _, w, bias = layer.tensors(n)
    assert w.data is not None and bias is not None and bias.data is not None
    found = fit(layer.matrix(n, w.data), bias.data.reshape(-1), exact, rough, bits, method)
    q = layer.weights_of(n, np.stack([r.q for r, _ in found]))
    return LayerWeights(q, np.concatenate([r.scale for r, _ in found]), np.concatenate([b for _, b in found]), bits)


def fit(
    weights: np.ndarray, bias: np.ndarray, exact: np.ndarray, rough: np.ndarray, bits: int, method: Method
) -> list[tuple[Rounded, np.ndarray]]:
    """Per group: weights [M,K] rounded, bias float32 [M]. weights [G,M,K], bias [G*M]; rows exact, rough [G,P,K]."""
    out = []
    for w, b, x, z in zip(weights, bias.reshape(len(weights), -1), exact, rough, strict=True):
        mean_x, mean_z = x.mean(0, dtype=np.float64), z.mean(0, dtype=np.float64)
        zc = z - mean_z.astype(np.float32)
        gram = zc.T @ zc
        target = w
        if method.refit:
            lost = (x - z) - (mean_x - mean_z).astype(np.float32)
            ridge = np.eye(len(gram)) * max(RIDGE * float(np.diag(gram).mean()), 1e-9)
            target = w + np.linalg.solve(gram + ridge, zc.T @ (lost @ w.T)).T.astype(np.float32)
        if method.adaptive:
            rounded = adaptive(target, gram, bits)
        else:
            rounded = nearest(target, channel_scales(target, bits, np.ones(target.shape[1], np.float32)), bits)
        shift = w.astype(np.float64) @ mean_x - rounded.real.astype(np.float64) @ mean_z if method.correct else 0.0
        out.append((rounded, (b + shift).astype(np.float32)))
    return out


def _pixels(n: NodeView, samples: int, rng: np.random.Generator) -> np.ndarray:
    """[N,P] positions of the output that are looked at, per sample."""
    per_sample = n.y.elements // n.y.shape[-1]
    count = min(per_sample, max(1, MAX_ROWS // samples))
    return np.stack([rng.choice(per_sample, count, replace=False) for _ in range(samples)])


def _sampled(layer: Layer, n: NodeView, x: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Rows [G,N*P,K] at these pixels."""
    parts = []
    for k in range(0, len(x), 16):
        rows = layer.rows(n, x[k : k + 16])
        chunk = pixels[k : k + 16]
        rows = rows.reshape(len(rows), len(chunk), -1, rows.shape[-1])
        parts.append(np.take_along_axis(rows, chunk[None, :, :, None], 2).reshape(len(rows), -1, rows.shape[-1]))
    return np.concatenate(parts, 1)
